
// A toy: descent on sixty points of a plane.

// For a place: which class scores most there, and how many pixels away from there another does.
// `unit` is how many pixels a unit of x is wide.
function leads({ W, b }, unit) {
  const w = new Float64Array(9), z = new Float64Array(3);
  w.set(W);
  return (x, y) => {
    let best = 0, distance = Infinity;
    for (let k = 0; k < 3; k++) {
      z[k] = b[k] + w[k] * x + w[3 + k] * y + w[6 + k] * x * y;
      if (z[k] > z[best]) best = k;
    }
    for (let k = 0; k < 3; k++) {
      const byProduct = w[6 + best] - w[6 + k];
      const [dx, dy] = [w[best] - w[k] + byProduct * y, w[3 + best] - w[3 + k] + byProduct * x];
      const away = (z[best] - z[k]) / Math.sqrt(dx * dx + dy * dy);
      if (k !== best && away < distance) distance = away;
    }
    return { best, distance: distance * unit };
  };
}

function playPlane(find) {
  const SHAPES = [CIRCLE(5), "M-4.5 -4.5H4.5V4.5H-4.5Z", "M0 -6L5.6 4.2H-5.6Z"];
  const LEVELS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]; // of the losses' axis
  const SIDE = 400, REACH = 2.6; // of the field, in pixels and in units of the points
  const UNIT = SIDE / (2 * REACH);
  const points = range(120).map((i) => facts.plane.x.slice(2 * i, 2 * i + 2));
  const place = ([x, y]) => [(SIDE / 2) * (1 + x / REACH), (SIDE / 2) * (1 - (y - 0.2) / REACH)];
  const chosen = (name) => find(`[name=plane-${name}]:checked`).value;
  const settings = () => [Number(chosen("size")), Number(chosen("rate"))];
  const field = find(".field svg");

  // Either-or has the same points: those with one positive and one negative input are of class 1.
  function given() {
    const isProduct = chosen("inputs") === "product", isEither = chosen("points") === "either-or";
    const x = points.flatMap(([x, y]) => (isProduct ? [x, y, x * y] : [x, y]));
    const y = isEither ? points.map(([x, y]) => Number(x * y < 0)) : facts.plane.y;
    return { x, y, nIn: isProduct ? 3 : 2 };
  }

  const trainer = new Trainer({ ...given(), nOut: 3, nTrain: 60, nTested: 60 });

  // Each class has a tint where it scores most. The borders of now are thick, those of before thin.
  function paintRegions({ model, before }) {
    const colourOf = (name) => palette(ofStyle(name), ofStyle(name))[0] & 0xffffff;
    const [tints, ink] = [range(3).map((k) => colourOf(`class-${k}`)), colourOf("ink")];
    const now = leads(model, UNIT), then = leads(before || model, UNIT);
    paint(find(".regions"), SIDE, SIDE, (i) => {
      if (!before) return 0;
      const x = (2 * (i % SIDE + 0.5) / SIDE - 1) * REACH;
      const y = (1 - 2 * (Math.floor(i / SIDE) + 0.5) / SIDE) * REACH + 0.2;
      const { best, distance } = now(x, y);
      const line = Math.max(1.6 - distance, Math.min(1.1 - then(x, y).distance, 0.5));
      const alpha = Math.round(255 * Math.min(Math.max(line, 0.11), 1));
      return (alpha << 24) | (line > 0.11 ? ink : tints[best]);
    });
  }

  // Those from which nothing is learnt are small.
  function drawPoint(i, isWrong, isInBatch) {
    const k = trainer.y[i], colour = `var(--class-${k})`, [cx, cy] = place(points[i]), isNew = i >= 60;
    const style = { class: isNew ? "new" : "mark", fill: isWrong ? "var(--card)" : colour, stroke: isNew ? "none" : colour };
    draw(field, "path", { ...style, d: SHAPES[k], transform: `translate(${cx} ${cy}) scale(${isNew ? 0.6 : 1})` });
    if (isInBatch) draw(field, "circle", { class: "ring", cx, cy, r: 9.5 });
  }

  function show() {
    const { wrong, ownWrong, batch, history, cost, testCost, steps, progress } = trainer;
    const [size] = settings();
    paintRegions(trainer);
    field.replaceChildren();
    const next = steps ? batch : [0, size];
    range(60).forEach((i) => drawPoint(60 + i));
    range(60).forEach((i) => drawPoint(i, ownWrong.includes(i), i >= next[0] && i < next[1]));
    const state = `loss ${cost.toFixed(3)}, ${ownWrong.length} of 60 wrong. Of 60 new points: ` +
      `loss ${testCost.toFixed(3)}, ${wrong.length} wrong.`;
    const said = steps
      ? `Epoch ${rounded(progress)}, step ${grouped(steps)}: ${state}`
      : `No step yet, all scores are zero, and class 0 takes every point: ${state}`;
    find(".said").textContent = said;
    field.setAttribute("aria-label", `Sixty points, and borders between classes. ${said}`);
    const highest = Math.max(...history.map(([, loss, newLoss]) => Math.max(loss, newLoss)));
    const to = LEVELS.find((level) => level >= highest) || LEVELS[LEVELS.length - 1];
    const ticks = LEVELS.filter((level) => level <= to).map((level) => [level, level]);
    const y = { from: LEVELS[0], to, isLog: true, ticks, name: "loss by epoch, logarithmic" };
    const curves = chart(find(".chart"), axisOf(trainer), y, `The losses. ${said}`);
    curves.line(history.map(([at, , loss]) => [at, loss]), "curve tested");
    curves.line(history, "curve");
  }

  const { reset } = control(find, trainer, settings, show, () => settings()[1] === 100 && trainer.progress >= 1);
  for (const choice of [".sizes", ".rates"]) find(choice).addEventListener("change", show);
  for (const choice of [".points", ".inputs"]) {
    find(choice).addEventListener("change", () => { Object.assign(trainer, given()); reset(); });
  }
  show();
  return trainer;
}
