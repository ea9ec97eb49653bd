
// The plane of the points, for toys whose models have its two coordinates as inputs, and perhaps 1.

const SIDE = 200, REACH = 2.6; // of the field, in pixels and in units of the points
const SHAPES = [CIRCLE(5), "M-4.5 -4.5H4.5V4.5H-4.5Z", "M0 -6L5.6 4.2H-5.6Z"];
const POINTS = range(120).map((i) => facts.plane.x.slice(2 * i, 2 * i + 2)); // sixty new ones are last
const PLACES = range(SIDE * SIDE).map((i) => [
  (2 * (i % SIDE + 0.5) / SIDE - 1) * REACH,
  (1 - 2 * (Math.floor(i / SIDE) + 0.5) / SIDE) * REACH + 0.2,
  1,
]);
const positionOf = ([x, y]) => [200 * (1 + x / REACH), 200 * (1 - (y - 0.2) / REACH)]; // in the drawing

const isBorder = (classes, i) => i % SIDE < SIDE - 1 && i < SIDE * (SIDE - 1) &&
  (classes[i] !== classes[i + 1] || classes[i] !== classes[i + SIDE]);

// Draws a trainer's points, and the classes of all places by its model and by one before it, if there
// is one. `at` begins what is said.
function drawField(find, trainer, at, before) {
  const field = find(".field svg"), { model, nIn, wrong, ownWrong } = trainer;
  const says = `${at}: loss ${trainer.cost.toFixed(3)}, ${ownWrong.length} of 60 wrong. Of 60 new points: ` +
    `loss ${trainer.testCost.toFixed(3)}, ${wrong.length} wrong.`;
  find(".said").textContent = says;
  field.setAttribute("aria-label", `Sixty points, and borders between classes. ${says}`);
  const rows = new Rows(PLACES.flatMap((place) => place.slice(0, nIn)), nIn, model.nColumns);
  const classesOf = (one) => PLACES.map((_, i) => argmax(one.scores(rows, i)));
  const now = classesOf(model), then = before ? classesOf(before) : now;
  const colourOf = (name) => palette(ofStyle(name), ofStyle(name))[0] & 0xffffff;
  const [tints, ink] = [range(3).map((k) => colourOf(`class-${k}`)), colourOf("ink")];
  paint(find(".regions"), SIDE, SIDE, (i) => {
    if (!trainer.steps) return 0;
    if (isBorder(now, i)) return (255 << 24) | ink;
    return isBorder(then, i) ? (90 << 24) | ink : (28 << 24) | tints[now[i]];
  });
  // A wrong point is hollow. Those from which nothing is learnt are small.
  field.replaceChildren();
  for (const i of [...range(60).map((i) => 60 + i), ...range(60)]) {
    const k = trainer.y[i], isNew = i >= 60, [cx, cy] = positionOf(POINTS[i]), colour = `var(--class-${k})`;
    draw(field, "path", {
      class: isNew ? "new" : "mark", d: SHAPES[k], fill: ownWrong.includes(i) ? "var(--card)" : colour,
      stroke: isNew ? "none" : colour, transform: `translate(${cx} ${cy}) scale(${isNew ? 0.6 : 1})`,
    });
  }
  return says;
}
