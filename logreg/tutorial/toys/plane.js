
// A toy: descent on sixty points of a plane.

function playPlane(find) {
  const LEVELS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]; // of the losses' axis
  const chosen = (name) => Number(find(`[name=plane-${name}]:checked`).value);
  const settings = () => [chosen("size"), chosen("rate")];
  const trainer = new Trainer({
    x: POINTS.flat(), y: facts.plane.y, nIn: 2, makeModel: () => new Model(2, 3), nTrain: 60, nTested: 60,
  });

  function show() {
    const { batch, before, history, steps, progress } = trainer;
    const says = drawField(find, trainer, steps
      ? `Epoch ${rounded(progress)}, step ${grouped(steps)}`
      : "No step yet, all scores are zero, and class 0 takes every point", before && new Model(2, 3, before));
    for (const point of POINTS.slice(...(steps ? batch : [0, chosen("size")]))) {
      const [cx, cy] = positionOf(point);
      draw(find(".field svg"), "circle", { class: "ring", cx, cy, r: 9.5 });
    }
    const highest = Math.max(...history.map(([, loss, newLoss]) => Math.max(loss, newLoss)));
    const to = LEVELS.find((level) => level >= highest) || LEVELS[LEVELS.length - 1];
    const ticks = LEVELS.filter((level) => level <= to).map((level) => [level, level]);
    const y = { from: LEVELS[0], to, isLog: true, ticks, name: "loss by epoch, logarithmic" };
    const curves = chart(find(".chart"), axisOf(trainer), y, `The losses. ${says}`);
    curves.line(history.map(([at, , loss]) => [at, loss]), "curve tested");
    curves.line(history, "curve");
  }

  control(find, trainer, settings, show, () => chosen("rate") === 100 && trainer.progress >= 1);
  for (const choice of [".sizes", ".rates"]) find(choice).addEventListener("change", show);
  show();
  return trainer;
}
