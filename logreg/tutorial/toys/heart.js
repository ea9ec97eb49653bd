
// A toy: few training rows, which the model learns by heart.

async function playHeart(find) {
  const RATE = 0.5, SIZE = 100, STEPS = 300;
  const digits = await reading;
  const chosen = (name) => Number(find(`[name=heart-${name}]:checked`).value);
  const trainer = new Trainer({ ...ofDigits(digits, chosen("rows")), unit: SIZE, spacing: 5 });

  function show() {
    const { history, cost, testCost, wrong, steps, nTested } = trainer;
    const lowest = Math.min(...history.map(([, , loss]) => loss));
    const says = `Step ${steps}: training loss ${cost.toFixed(2)}, validation loss ${testCost.toFixed(2)} ` +
      `(the lowest was ${lowest.toFixed(2)}), ${wrong.length} of ${nTested} wrong.`;
    find(".said").textContent = says;
    const y = { from: 0, to: 2.5, ticks: range(6).map((i) => [i / 2, i / 2]), name: "loss by step" };
    const curves = chart(find(".losses"), axisOf(trainer, STEPS), y, says);
    curves.line(history.map(([at, , loss]) => [at, loss]), "curve tested");
    curves.line(history, "curve");
  }

  const isAsked = () => trainer.nTrain === 100 && chosen("decay") === 0 && trainer.steps >= STEPS;
  const { reset } = control(find, trainer, () => [SIZE, RATE, chosen("decay")], show, isAsked, STEPS);
  for (const name of ["rows", "decay"]) {
    find(`.${name}`).addEventListener("change", () => { trainer.nTrain = chosen("rows"); reset(); });
  }
  show();
  return trainer;
}
