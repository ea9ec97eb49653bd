
// Questions that answer, examples that can be copied, and the text on paper.

// ---- The question of each chapter answers ----

document.querySelectorAll("h3").forEach((heading, n) => {
  if (heading.textContent !== "Question") return;
  const question = heading.nextElementSibling;
  const box = make("fieldset", { class: "question" }, make("legend", {}, ...question.childNodes));
  const reasons = make("div", { class: "reserve" });
  const verdict = make("div", { role: "status" });
  for (let next; (next = question.nextElementSibling).matches("details");) {
    const [summary, ...why] = next.children;
    const radio = make("input", { type: "radio", name: `guess-${n}` });
    const label = make("label", {}, radio, make("span", {}, ...summary.childNodes));
    const reason = make("div", { class: "reason" }, ...why);
    label.toggleAttribute("data-right", reason.textContent.trim().startsWith("Yes"));
    radio.addEventListener("change", () => {
      box.classList.add("is-answered");
      verdict.replaceChildren(...reason.cloneNode(true).childNodes);
    });
    box.append(label);
    reasons.append(reason);
    next.remove();
  }
  reasons.append(verdict);
  box.append(reasons);
  question.replaceWith(box);
});

// ---- Each example can be copied, without its prompts and what it prints ----

// As it can be typed into Python's own shell: no blank line within a block, and one after it.
function typed(code) {
  const clone = code.cloneNode(true);
  for (const node of clone.querySelectorAll(".gp, .go")) node.remove();
  const lines = clone.textContent.split("\n").filter((line) => line.trim());
  const goesOn = /^(\s|[)\]}]|(else|elif|except|finally)\b)/;
  return lines.flatMap((line, i) => {
    const next = lines[i + 1] || "";
    return line.startsWith(" ") && !goesOn.test(next) ? [line, ""] : [line];
  }).join("\n") + "\n";
}

function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.body.appendChild(make("textarea", {}, text));
  area.select();
  document.execCommand("copy");
  area.remove();
}

for (const code of document.querySelectorAll("main pre > code")) {
  if (code.classList.contains("language-text")) continue;
  const button = make("button", { class: "copy", "aria-label": "Copy this example" }, "Copy");
  button.addEventListener("click", () => {
    copy(typed(code));
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  const box = make("div", { class: "code" });
  code.parentElement.replaceWith(box);
  box.append(make("pre", {}, code), button);
}

// What is wider than its place can be scrolled by keyboard as well.
function reach() {
  for (const node of document.querySelectorAll("pre, .table, .math.block")) {
    if (node.scrollWidth > node.clientWidth) node.tabIndex = 0;
    else node.removeAttribute("tabindex");
  }
}

const contents = document.querySelector("#contents details"), wide = matchMedia("(min-width: 75rem)");
const fold = () => { contents.open = wide.matches; };
fold();
wide.addEventListener("change", fold);
redraws.push(reach);
new ResizeObserver(redraw).observe(document.querySelector("main"));
isDark.addEventListener("change", redraw);
redraw();

// ---- On paper, with the answers or without: ?answers in the address, or the buttons at the end ----

for (const node of document.querySelectorAll("main details")) {
  node.classList.toggle("is-answer", node.querySelector("summary").textContent === "Answer");
}
const withAnswers = (isWanted) => document.body.classList.toggle("with-answers", isWanted);
withAnswers(new URLSearchParams(location.search).has("answers"));
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => {
    withAnswers(button.dataset.print === "answers");
    print();
  });
}
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("main details:not([open])")];
  for (const node of opened) node.open = true;
});
addEventListener("afterprint", () => {
  for (const node of opened) node.open = false;
});
