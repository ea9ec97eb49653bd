
// A toy: training on the digits of the page.

async function playTraining(find) {
  const RATE = 0.13, COLUMNS = 25;
  const fullPictures = pictures(find(".full"), "weights of the full run");
  const herePictures = pictures(find(".here"), "weights learnt here");
  paintWeights(full, fullPictures);
  const digits = await reading, given = ofDigits(digits, N_TRAIN), { nTested } = given;
  const trainer = new Trainer(given);

  function show() {
    const { model, wrong, history, cost, steps, progress } = trainer;
    paintWeights(model, herePictures);
    const error = `${wrong.length} of ${nTested} wrong, ${percent(wrong.length / nTested, 1)}`;
    const at = steps ? `epoch ${rounded(progress)}, step ${steps}` : "no step yet, all weights are zero";
    find(".said").textContent = `${at}; cost ${cost.toFixed(3)}; ${error}`;
    const x = axisOf(trainer);
    let ticks = [0, 1, 2].map((value) => [value, value]);
    chart(find(".cost"), x, { from: 0, to: 2.5, ticks, name: "cost over the 800 rows by epoch" },
      `The cost is ${cost.toFixed(3)}.`).line(history, "curve");
    ticks = [0, 0.5, 1].map((value) => [value, percent(value, 0)]);
    chart(find(".error"), x, { from: 0, to: 1, ticks, name: "validation error by epoch" },
      `The validation error: ${error}.`).line(history.map(([at, , , share]) => [at, share]), "curve");
    showTested(wrong);
  }

  function showTested(wrong) {
    const right = palette(ofStyle("well"), ofStyle("ink")), inverted = palette(ofStyle("ink"), ofStyle("well"));
    const isWrong = new Set(wrong), width = 28 * COLUMNS;
    paint(find(".tested"), width, (28 * nTested) / COLUMNS, (i) => {
      const [row, column] = [Math.floor(i / width), i % width];
      const n = COLUMNS * Math.floor(row / 28) + Math.floor(column / 28);
      const ink = digits[784 * (N_TRAIN + n) + 28 * (row % 28) + (column % 28)];
      return (isWrong.has(n) ? inverted : right)[ink];
    });
    const says = `The digits that validate: ${wrong.length} of ${nTested} are wrong so far.`;
    find(".tested").setAttribute("aria-label", says);
  }

  const first = new Trainer(given);
  first.step(N_TRAIN, RATE);
  first.measure();
  find(".answer").textContent = `It leaves ${first.wrong.length} of ${nTested} wrong, while the cost ` +
    `hardly moves: from 2.303 to ${first.cost.toFixed(3)}. The picture of a class is now 0.13 times this: ` +
    "the mean of its digits, times their share, minus a tenth of the mean of all digits.";
  const settings = () => [Number(find("[name=training-size]:checked").value), RATE];
  control(find, trainer, settings, show, () => settings()[0] === N_TRAIN);
  show();
  return trainer;
}
