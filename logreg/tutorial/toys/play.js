
// The start of the toys, and the settings of each in the address: #plane?rate=10&size=1

const played = {}; // the models that learn in the page, for who looks with the console
window.tutorial = played;
const plays = {
  draw: playDraw, sums: playSums, softmax: playSoftmax, training: playTraining, plane: playPlane,
  patience: playPatience, "mnist-run": playMnistRun, heart: playHeart, "pad-raw": playPadRaw, net: playNet,
};
for (const section of document.querySelectorAll(".play")) {
  const name = nameOf(section), template = document.getElementById(`${name}-template`);
  section.prepend(template.content.cloneNode(true));
  section.classList.add("is-live");
  const find = (selector) => section.querySelector(selector);
  if (find(".predict")) makeGuesses(find, name);
  Promise.resolve(plays[name](find)).then((trainer) => {
    if (find(".predict")) keepPlace(find);
    played[name] = trainer;
    openSettings(name);
  });
  section.addEventListener("change", () => keepState(section));
  section.addEventListener("click", ({ target }) => {
    if (target.dataset.do === "reset" && find(".predict")) askAgain(find);
    if (target.dataset.do) keepState(section);
  });
}

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

// Set a toy as the address says; `only` names the toy that is ready.
function openSettings(only) {
  const [name, query] = location.hash.slice(1).split("?");
  const section = document.getElementById(`play-${name}`);
  if (!section || query === undefined || (only && only !== name)) return;
  const state = new URLSearchParams(query);
  for (const [key, input] of inputsOf(section)) {
    if (!state.has(key)) continue;
    if (input.type !== "radio") input.value = state.get(key);
    else if (input.value === state.get(key)) input.checked = true;
    else continue;
    for (const event of ["input", "change"]) input.dispatchEvent(new Event(event, { bubbles: true }));
  }
  section.scrollIntoView();
}
