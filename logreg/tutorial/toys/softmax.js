
// A toy: three scores and their softmax.

function playSoftmax(find) {
  const START = [2, 1, 0];
  const rows = START.map((_, k) => {
    const name = `class ${k}`;
    const truth = make("input", { type: "radio", name: "truth", value: k });
    const ends = { min: -6, max: 6, step: 0.1 };
    const score = make("input", { type: "range", name: `z${k}`, ...ends, "aria-label": `score of ${name}` });
    const [number, share] = [make("span", { class: "number" }), make("span", { class: "number" })];
    const bar = make("i", { style: `--bar: var(--class-${k})` });
    find(".rows").append(make("div", { class: "row" }, make("label", { class: "truth" }, truth, name),
      score, number, make("div", { class: "track" }, bar), share));
    truth.addEventListener("change", show);
    score.addEventListener("input", show);
    return { truth, score, number, share, bar };
  });

  function show() {
    const p = softmax(rows.map(({ score }) => score.valueAsNumber));
    rows.forEach(({ score, number, share, bar }, k) => {
      number.textContent = score.valueAsNumber.toFixed(1);
      share.textContent = p[k].toFixed(3);
      bar.style.width = barLength(p[k]);
    });
    const k = rows.findIndex(({ truth }) => truth.checked);
    const given = p[k] < 0.0005 ? p[k].toExponential(1) : p[k].toFixed(3);
    const loss = make("strong", {}, (-Math.log(p[k])).toFixed(3));
    const words = `The truth is class ${k}, which was given ${given}. The loss is −log ${given} = `;
    find("output").replaceChildren(words, loss);
    const scores = rows.map(({ score }) => score.valueAsNumber);
    find("[data-do=more]").disabled = Math.max(...scores) > 5;
    find("[data-do=double]").disabled = Math.max(...scores.map(Math.abs)) > 3;
  }

  function set(change) {
    rows.forEach(({ score }, k) => { score.value = change(score.valueAsNumber, k).toFixed(1); });
    show();
  }

  buttons(find, {
    more: () => { set((z) => z + 1); answer(find); },
    double: () => set((z) => 2 * z),
    reset: () => { rows[0].truth.checked = true; set((_, k) => START[k]); },
  });
  rows[0].truth.checked = true;
  set((_, k) => START[k]);
}
