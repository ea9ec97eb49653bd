
// A toy: three scores and their softmax.

function playSoftmax(find) {
  const START = [2, 1, 0];
  const rows = START.map((_, k) => {
    const name = `class ${k}`, ends = { min: -6, max: 6, step: 0.1 };
    const score = make("input", { type: "range", name: `z${k}`, ...ends, "aria-label": `score of ${name}` });
    const [number, share] = [make("span", { class: "number" }), make("span", { class: "number" })];
    const bar = make("i", { style: `--bar: var(--class-${k})` });
    find(".rows").append(make("div", { class: "row" }, make("span", {}, name), score, number,
      make("div", { class: "track" }, bar), share));
    score.addEventListener("input", show);
    return { score, number, share, bar };
  });

  function show() {
    const z = rows.map(({ score }) => score.valueAsNumber), p = softmax(z);
    rows.forEach(({ number, share, bar }, k) => {
      number.textContent = signed(z[k], 1);
      share.textContent = p[k].toFixed(3);
      bar.style.width = barLength(p[k]);
    });
    const [first, second] = [0, 1, 2].sort((i, j) => z[j] - z[i]);
    const lead = z[first] - z[second];
    const times = make("strong", {}, `${grouped(Number(Math.exp(lead).toPrecision(4)))} times`);
    find("output").replaceChildren(`Class ${first} leads class ${second} by ${lead.toFixed(1)}. Its probability is `,
      times, " the other’s.");
    find("[data-do=more]").disabled = Math.max(...z) > 5;
    find("[data-do=double]").disabled = Math.max(...z.map(Math.abs)) > 3;
  }

  function set(change) {
    rows.forEach(({ score }, k) => { score.value = change(score.valueAsNumber, k).toFixed(1); });
    show();
  }

  buttons(find, {
    more: () => { set((z) => z + 1); answer(find); },
    double: () => set((z) => 2 * z),
    reset: () => set((_, k) => START[k]),
  });
  set((_, k) => START[k]);
}
