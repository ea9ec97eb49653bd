
// What the toys share: elements of the page, how numbers are written, and guesses with their answers.

const facts = JSON.parse(document.getElementById("facts").textContent);
const isStill = matchMedia("(prefers-reduced-motion: reduce)");
const isDark = matchMedia("(prefers-color-scheme: dark)");
const redraws = []; // what to draw anew when the width of the text or the colours change
const redraw = () => { for (const again of redraws) again(); };
const SVG = "http://www.w3.org/2000/svg";
const EPOCHS = 40; // of a run
const N_TRAIN = 800; // of the digits in the page; the others validate
const CIRCLE = (r) => `M-${r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 -${r} 0Z`; // a path

const percent = (fraction, digits = 2) => `${(100 * fraction).toFixed(digits)} %`;
const barLength = (fraction) => `${100 * fraction}%`; // of a bar
const grouped = (n) => n.toString().replace(/\B(?=(\d{3})+$)/g, ",");
const rounded = (value) => value.toFixed(1).replace(".0", "");
const signed = (value, digits) => value.toFixed(digits).replace("-", "−");
const range = (n) => Array.from({ length: n }, (_, i) => i);

function make(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function draw(parent, tag, attributes, ...children) {
  parent.append(filled(document.createElementNS(SVG, tag), attributes, children));
}

function filled(node, attributes = {}, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function buttons(find, actions) {
  for (const [name, action] of Object.entries(actions)) {
    find(`[data-do=${name}]`).addEventListener("click", action);
  }
}

const guessOf = (label) => `You guessed “${label.textContent.trim()}”. `;

// The labels of the guesses get what can be chosen.
function makeGuesses(find, name) {
  const attributes = { role: "radiogroup", "aria-label": find(".guesses p").textContent };
  filled(find(".predict"), attributes, [make("p", { class: "verdict", role: "status" })]);
  for (const label of find(".predict").querySelectorAll("label")) {
    label.prepend(make("input", { type: "radio", name: `guess-${name}` }));
  }
}

// Keep a place for the answer, whatever was guessed.
function keepPlace(find) {
  const guesses = [...find(".predict").querySelectorAll("label")].map(guessOf);
  const longest = guesses.reduce((a, b) => (b.length > a.length ? b : a));
  const answer = find(".answer");
  answer.dataset.text = answer.textContent;
  answer.textContent = longest + answer.textContent;
}

// The answer takes the place of the guesses.
function answer(find) {
  const checked = find(".predict :checked"), label = checked && checked.closest("label");
  let guess = "";
  if (label) guess = label.hasAttribute("data-right") ? "You were right. " : guessOf(label);
  find(".predict").classList.add("is-answered");
  find(".verdict").textContent = guess + find(".answer").dataset.text;
}

function askAgain(find) {
  find(".predict").classList.remove("is-answered");
  find(".verdict").textContent = "";
  for (const guess of find(".predict").querySelectorAll("input")) guess.checked = false;
  find(".predict").dispatchEvent(new Event("change"));
}
