
// A toy: where early stopping would have ended a recorded run.

const N_BATCHES = 83, N_ROWS = 9600; // an epoch's minibatches; rows of a validation

// What early stopping does with the recorded validations.
function stoppedBy(...settings) {
  const stopping = new EarlyStopping(...settings);
  const found = { left: [[0, stopping.patience]], extending: [], vain: [] };
  for (const [n, errors] of facts.validations.entries()) {
    const iter = N_BATCHES * (n + 1) - 1, { patience } = stopping;
    if (stopping.isOver(iter - 1)) break;
    found.seen = n + 1;
    found.left.push([iter, patience - iter]);
    if (!stopping.update(iter, errors)) continue;
    found[stopping.patience > patience ? "extending" : "vain"].push(n + 1);
    found.epoch = n + 1;
    found.left.push([iter, stopping.patience - iter]);
  }
  const { best, patience } = stopping, end = Math.ceil(patience);
  const isStopped = end < N_BATCHES * facts.validations.length;
  if (isStopped) found.left.push([patience, 0]);
  return { ...found, best, end, stop: isStopped && Math.floor(end / N_BATCHES) + 1 };
}

function playPatience(find) {
  const inputs = ["patience", "increase", "threshold"].map((name) => find(`[name=patience-${name}]`));
  const errors = facts.validations.map((n) => n / N_ROWS), nEpochs = errors.length;
  const FORMATS = [grouped, (value) => value.toFixed(1), (value) => value.toFixed(3)];

  function show() {
    const values = inputs.map((input) => input.valueAsNumber);
    const found = stoppedBy(...values);
    inputs.forEach((input, i) => {
      const text = FORMATS[i](values[i]);
      input.parentElement.querySelector("b").textContent = text;
      input.setAttribute("aria-valuetext", text);
    });
    find("output").replaceChildren(
      make("strong", {}, found.stop ? `Stops in epoch ${found.stop}` : `Not stopped in ${nEpochs} epochs`),
      found.stop ? `, after ${grouped(found.end + 1)} minibatches; ` : "; ",
      `the best model, of epoch ${found.epoch}, has a validation error of ${percent(found.best / N_ROWS)}.`,
    );
    showErrors(found, find("output").textContent);
    showLeft(found, find("output").textContent);
  }

  // The recorded errors, with the gains, the best model and the end.
  function showErrors({ extending, vain, epoch, seen, stop, end }, says) {
    const svg = find(".errors");
    const x = { to: nEpochs, ticks: range(6).map((i) => [50 * i, 50 * i]) };
    const levels = [0.07, 0.08, 0.09, 0.1, 0.11, 0.12].map((value) => [value, percent(value, 0)]);
    const y = { from: 0.068, to: 0.126, ticks: levels, name: "validation error by epoch" };
    const { px, py, line, bottom } = chart(svg, x, y, says);
    const points = errors.map((error, i) => [i + 1, error]);
    line(points, "curve faint");
    line(points.slice(0, seen), "curve");
    function spot(n, name, d) {
      const transform = `translate(${px(n)} ${py(errors[n - 1])})`;
      draw(svg, "path", { class: `spot ${name}`, d, transform });
    }
    for (const n of vain) spot(n, "vain", "M0 -5L5 0L0 5L-5 0Z");
    for (const n of extending) spot(n, "", CIRCLE(4));
    spot(epoch, "best", CIRCLE(6));
    if (stop) draw(svg, "path", { class: "limit", d: `M${px(end / N_BATCHES)} 24V${bottom}` });
  }

  // How many minibatches are left, at each minibatch.
  function showLeft({ left, stop, end }, says) {
    const svg = find(".left");
    const most = Math.max(...left.map(([, n]) => n));
    const unit = [500, 1000, 2500, 5000, 10000, 20000].find((step) => 3 * step >= most) || 20000;
    const steps = range(Math.ceil(most / unit) + 1).map((i) => [i * unit, grouped(i * unit)]);
    const thousands = range(5).map((i) => [5000 * i, grouped(5000 * i)]);
    const y = { from: 0, to: steps[steps.length - 1][0], ticks: steps, name: "minibatches left, by minibatch" };
    const { px, line, bottom } = chart(svg, { to: N_BATCHES * nEpochs, ticks: thousands }, y,
      `The minibatches that are left to run fall to 0, and rise with gains that extend the limit. ${says}`);
    const last = left[left.length - 1][0];
    line([...left, [last, 0], [0, 0]], "remaining");
    if (stop) draw(svg, "path", { class: "limit", d: `M${px(end)} 24V${bottom}` });
  }

  for (const input of inputs) {
    input.addEventListener("input", (event) => {
      show();
      if (event.isTrusted && inputs[0].valueAsNumber <= 500) answer(find);
    });
  }
  buttons(find, {
    reset: () => {
      for (const input of inputs) input.value = input.defaultValue;
      show();
    },
  });
  show();
  redraws.push(show);
}
