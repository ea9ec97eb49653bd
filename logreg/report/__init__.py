"""The page of a model: one HTML file that needs no network and no server.

`writing` fills the template, and `sections` makes its parts and escapes every text of a file.
`plots` draws by matplotlib, for scripts as well. pad.js is the drawing pad, for the tutorial as
well; page.js makes the page live. What comes in is a Predictor, and a data set with a test set.
"""
