
// The page around the toys: their start and their addresses, questions, links, copied code, paper.

const played = {}; // the models that learn in the page, for who looks with the console
window.tutorial = played;
const plays = {
  sums: playSums, softmax: playSoftmax, plane: playPlane, training: playTraining, heart: playHeart,
  patience: playPatience, "pad-raw": playPadRaw, "mnist-run": playMnistRun,
};
for (const section of document.querySelectorAll(".play")) {
  const name = nameOf(section), template = document.getElementById(`${name}-template`);
  section.prepend(template.content.cloneNode(true));
  section.classList.add("is-live");
  const find = (selector) => section.querySelector(selector);
  Promise.resolve(plays[name](find)).then((trainer) => {
    if (find(".predict")) keepPlace(find);
    played[name] = trainer;
    openAddress(name);
  });
  section.addEventListener("change", () => keepState(section));
  section.addEventListener("click", ({ target }) => {
    if (target.dataset.do === "reset" && find(".predict")) askAgain(find);
    if (target.dataset.do) keepState(section);
  });
}

// ---- The state of a thing stands in the address: #plane?rate=10&size=1 ----

function nameOf(section) {
  return section.id.replace("play-", "");
}

function inputsOf(section) {
  const inputs = [...section.querySelectorAll("input[name]")];
  const own = inputs.filter(({ name }) => !name.startsWith("guess"));
  return own.map((input) => [input.name.replace(`${nameOf(section)}-`, ""), input]);
}

function keepState(section) {
  const state = new URLSearchParams();
  for (const [key, input] of inputsOf(section)) {
    if (input.type !== "radio" || input.checked) state.set(key, input.value);
  }
  history.replaceState(null, "", `#${nameOf(section)}?${state}`);
}

function openAddress(only) {
  const [id, query] = location.hash.slice(1).split("?");
  const chapter = id.replace(/^\d+-/, ""); // ids had the chapters' numbers once
  if (chapter !== id) return location.replace(`#${chapter}`);
  const section = document.getElementById(`play-${id}`);
  if (!section || (query === undefined && document.getElementById(id)) || (only && only !== id)) return;
  const state = new URLSearchParams(query);
  for (const [key, input] of inputsOf(section)) {
    if (!state.has(key)) continue;
    if (input.type !== "radio") input.value = state.get(key);
    else if (input.value === state.get(key)) input.checked = true;
    else continue;
    for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
  }
  section.scrollIntoView();
}
addEventListener("hashchange", () => openAddress());
if (/^#\d+-/.test(location.hash)) openAddress();

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
    const reason = make("div", { class: "reason", "aria-hidden": true }, ...why);
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

// ---- Links to chapters, and the chapter that one is in ----

const chapters = [...document.querySelectorAll("h2[id]")];
const links = [...document.querySelectorAll("#contents a")];
for (const heading of chapters) {
  const name = `Link to “${heading.textContent}”`;
  heading.append(make("a", { class: "permalink", href: `#${heading.id}`, "aria-label": name }, "#"));
}

function markChapter() {
  const at = chapters.filter((heading) => heading.getBoundingClientRect().top < 160).length - 1;
  links.forEach((link, i) => {
    if (i === at) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
  document.querySelector("#contents .now").textContent = at < 0 ? "" : links[at].textContent;
}
addEventListener("scroll", markChapter, { passive: true });
redraws.push(markChapter);

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
  const button = make("button", { type: "button", class: "copy", "aria-label": "Copy this example" }, "Copy");
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
const redraw = () => { for (const again of redraws) again(); };
addEventListener("resize", redraw);
isDark.addEventListener("change", redraw);
redraw();

// ---- On paper, with the answers or without: ?answers in the address, or the buttons at the end ----

for (const node of document.querySelectorAll("main details")) {
  node.classList.toggle("is-answer", node.querySelector("summary").textContent === "Answer");
}
const withAnswers = (isWanted) => document.body.classList.toggle("with-answers", isWanted);
withAnswers(location.search === "?answers");
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
