
// Charts. One unit is one pixel, so letters keep their size.

// x is {to, ticks} from 0 on; y is {name, from, to, ticks} and may be logarithmic. Ticks are
// [value, text]. Given are functions to draw with.
function chart(svg, x, y, says) {
  const width = svg.clientWidth, height = svg.clientHeight;
  const [left, right, top, bottom] = [46, width - 10, 24, height - 24];
  const scale = y.isLog ? Math.log : Number;
  const share = (value) => (scale(value) - scale(y.from)) / (scale(y.to) - scale(y.from));
  const px = (value) => left + (value / x.to) * (right - left);
  const py = (value) => bottom - Math.min(Math.max(share(value), 0), 1) * (bottom - top);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", says);
  draw(svg, "text", { x: 0, y: 11 }, y.name);
  for (const [value, text] of y.ticks) {
    draw(svg, "path", { class: "axis", d: `M${left} ${py(value)}H${right}` });
    draw(svg, "text", { x: left - 7, y: py(value) + 4, "text-anchor": "end" }, text);
  }
  for (const [value, text] of x.ticks) {
    draw(svg, "text", { x: px(value), y: bottom + 17, "text-anchor": "middle" }, text);
  }
  function line(points, name) {
    const places = points.map(([a, b]) => `${px(a).toFixed(1)} ${py(b).toFixed(1)}`);
    draw(svg, "path", { class: name, d: `M${places.join("L")}` });
  }
  return { px, py, line, bottom };
}

// The axis of the progress of a trainer: one run, then two and so on.
function axisOf(trainer, length = EPOCHS) {
  const to = length * Math.max(1, Math.ceil(trainer.progress / length - 1e-9));
  return { to, ticks: range(5).map((i) => [(i * to) / 4, grouped((i * to) / 4)]) };
}
