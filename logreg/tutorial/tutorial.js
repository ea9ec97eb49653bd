
// The four things to play with. Each stands in a <template> of the page and in a section of the
// text, whose picture it replaces. What they show comes as JSON in <script id="facts">.
(() => {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const redraws = []; // what to draw anew when the window's width or the colours change
  const SVG = "http://www.w3.org/2000/svg";
  const EPOCHS = 40; // of a run
  const CIRCLE = (r) => `M-${r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 -${r} 0Z`; // a path

  const percent = (fraction, digits = 2) => `${(100 * fraction).toFixed(digits)} %`;
  const length = (fraction) => `${100 * fraction}%`; // of a bar
  const grouped = (n) => n.toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const rounded = (value) => value.toFixed(1).replace(".0", "");
  const range = (n) => Array.from({ length: n }, (_, i) => i);
  const argmax = (values) => values.indexOf(Math.max(...values));

  function make(tag, attributes, ...children) {
    return filled(document.createElement(tag), attributes, children);
  }

  function draw(parent, tag, attributes, ...children) {
    parent.append(filled(document.createElementNS(SVG, tag), attributes, children));
  }

  function filled(node, attributes = {}, children) {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function buttons(find, actions) {
    for (const [name, action] of Object.entries(actions)) {
      find(`[data-do=${name}]`).addEventListener("click", action);
    }
  }

  // The answer appears with the first move.
  function answer(find) {
    find(".predict").classList.add("is-answered");
    find(".answer").hidden = false;
  }

  // ---- Softmax regression, and its descent in minibatches ----

  function softmax(z) {
    const top = Math.max(...z);
    const e = z.map((value) => Math.exp(value - top));
    const sum = e.reduce((total, value) => total + value, 0);
    return e.map((value) => value / sum);
  }

  class Model {
    constructor(nIn, nOut, W = new Float64Array(nIn * nOut), b = new Float64Array(nOut)) {
      Object.assign(this, { nIn, nOut, W, b });
    }

    // Of row i of x, which has one row after the other.
    scores(x, i = 0) {
      const { nIn, nOut, W } = this;
      const z = Float64Array.from(this.b);
      for (let j = 0; j < nIn; j++) {
        const value = x[i * nIn + j];
        if (value) for (let k = 0; k < nOut; k++) z[k] += value * W[j * nOut + k];
      }
      return z;
    }

    // One step on the rows from first to end: down the gradient of the mean of -log p.
    step(x, y, first, end, rate) {
      const { nIn, nOut, W, b } = this;
      const gW = new Float64Array(W.length), gb = new Float64Array(nOut);
      for (let i = first; i < end; i++) {
        const difference = softmax(this.scores(x, i)); // guess - truth
        difference[y[i]] -= 1;
        for (let j = 0; j < nIn; j++) {
          const value = x[i * nIn + j];
          if (value) for (let k = 0; k < nOut; k++) gW[j * nOut + k] += value * difference[k];
        }
        for (let k = 0; k < nOut; k++) gb[k] += difference[k];
      }
      const factor = rate / (end - first);
      gW.forEach((value, i) => { W[i] -= factor * value; });
      gb.forEach((value, k) => { b[k] -= factor * value; });
    }

    cost(x, y, first, end) {
      let sum = 0;
      for (let i = first; i < end; i++) {
        const z = this.scores(x, i), top = Math.max(...z);
        sum += Math.log(z.reduce((total, value) => total + Math.exp(value - top), 0)) + top - z[y[i]];
      }
      return sum / (end - first);
    }

    wrong(x, y, first, end) {
      return range(end - first).filter((i) => argmax(this.scores(x, first + i)) !== y[first + i]);
    }
  }

  // A model that learns from the first nTrain rows, in their order; the others test it, if any.
  class Trainer {
    constructor(x, y, nIn, nOut, nTrain) {
      Object.assign(this, { x, y, nIn, nOut, nTrain, nTested: y.length - nTrain || nTrain });
      this.reset();
    }

    reset() {
      this.model = new Model(this.nIn, this.nOut);
      Object.assign(this, { before: null, batch: [0, 0], seen: 0, steps: 0, history: [] });
      this.measure();
    }

    get epochs() { return this.seen / this.nTrain; }

    step(size, rate) {
      const next = this.batch[1];
      this.batch = next + size > this.nTrain ? [0, size] : [next, next + size];
      this.before = { W: this.model.W.slice(), b: this.model.b.slice() };
      this.model.step(this.x, this.y, ...this.batch, rate);
      this.seen += size;
      this.steps += 1;
      this.measure();
    }

    measure() {
      const n = this.y.length;
      this.wrong = this.model.wrong(this.x, this.y, n - this.nTested, n);
      this.cost = this.model.cost(this.x, this.y, 0, this.nTrain);
      this.history.push([this.epochs, this.cost, this.wrong.length / this.nTested]);
    }
  }

  // The buttons of a trainer. settings() gives size and rate, and show() draws. A run goes at ten
  // epochs a second; where motion is not wanted, only its end is shown.
  function control(find, trainer, settings, show) {
    const button = find("[data-do=run]"), name = button.textContent;
    let goal = null, start = null;

    function run(now) {
      if (goal === null) return;
      start = start || { now, epochs: trainer.epochs };
      const pace = isStill.matches ? goal : start.epochs + (now - start.now) / 100;
      while (trainer.epochs < Math.min(pace, goal) && performance.now() - now < 30) {
        trainer.step(...settings());
      }
      if (trainer.epochs >= goal) return stop();
      if (!isStill.matches) show();
      requestAnimationFrame(run);
    }

    function stop() {
      goal = null;
      button.textContent = name;
      button.closest("section").removeAttribute("aria-busy");
      show();
    }

    function steps(n) {
      stop();
      for (let i = 0; i < n; i++) trainer.step(...settings());
      answer(find);
      show();
    }

    buttons(find, {
      step: () => steps(1),
      epoch: () => {
        const [size] = settings(), { seen, nTrain } = trainer;
        steps(Math.ceil((nTrain - (seen % nTrain)) / size));
      },
      run: () => {
        if (goal !== null) return stop();
        [goal, start] = [EPOCHS * (Math.floor(trainer.epochs / EPOCHS) + 1), null];
        button.textContent = "Pause";
        button.closest("section").setAttribute("aria-busy", true);
        answer(find);
        requestAnimationFrame(run);
      },
      reset: () => { trainer.reset(); stop(); },
    });
    show();
    redraws.push(show);
  }

  // ---- Charts: one unit is one pixel, so that letters stay as large as they are ----

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

  // The axis of the epochs of a trainer: forty, then eighty and so on.
  function epochAxis(trainer) {
    const to = EPOCHS * Math.max(1, Math.ceil(trainer.epochs / EPOCHS - 1e-9));
    return { to, ticks: range(5).map((i) => [(i * to) / 4, (i * to) / 4]) };
  }

  // ---- Three scores ----

  function playSoftmax(find) {
    const START = [2, 1, 0];
    const rows = START.map((_, k) => {
      const name = `class ${k}`;
      const truth = make("input", { type: "radio", name: "truth", value: k });
      const ends = { min: -10, max: 10, step: 0.1 };
      const score = make("input", { type: "range", ...ends, "aria-label": `score of ${name}` });
      const [number, share] = [make("span", { class: "number" }), make("span", { class: "number" })];
      const bar = make("i", { style: `--bar: var(--class-${k})` });
      find(".rows").append(make("div", { class: "row" }, make("label", { class: "truth" }, truth, name),
        score, number, make("div", { class: "track" }, bar), share));
      truth.addEventListener("change", () => show(true));
      score.addEventListener("input", () => show(true));
      return { truth, score, number, share, bar };
    });

    function show(isMove) {
      const p = softmax(rows.map(({ score }) => score.valueAsNumber));
      rows.forEach(({ score, number, share, bar }, k) => {
        number.textContent = score.valueAsNumber.toFixed(1);
        share.textContent = p[k].toFixed(3);
        bar.style.width = length(p[k]);
      });
      const k = rows.findIndex(({ truth }) => truth.checked);
      const given = p[k] < 0.0005 ? p[k].toExponential(1) : p[k].toFixed(3);
      const loss = make("strong", {}, (-Math.log(p[k])).toFixed(3));
      const words = `The truth is class ${k}, which was given ${given}. The loss is −log ${given} = `;
      find("output").replaceChildren(words, loss);
      find("[data-do=more]").disabled = rows.some(({ score }) => score.valueAsNumber > 9);
      if (isMove) answer(find);
    }

    function set(scores, isMove) {
      rows.forEach(({ score }, k) => { score.value = scores[k].toFixed(1); });
      show(isMove);
    }

    buttons(find, {
      more: () => set(rows.map(({ score }) => score.valueAsNumber + 1), true),
      reset: () => { rows[0].truth.checked = true; set(START, false); },
    });
    rows[0].truth.checked = true;
    set(START, false);
  }

  // ---- Sixty points on a plane ----

  function playPlane(find) {
    const RATES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
    const SHAPES = [CIRCLE(5), "M-4.5 -4.5H4.5V4.5H-4.5Z", "M0 -6L5.6 4.2H-5.6Z"];
    const SIDE = 400, REACH = 2.6; // of the field, in its own units and in those of the points
    const trainer = new Trainer(facts.plane.x, facts.plane.y, 2, 3, facts.plane.y.length);
    const place = ([x, y]) => [(SIDE / 2) * (1 + x / REACH), (SIDE / 2) * (1 - (y - 0.2) / REACH)];
    const field = find(".field"), slider = find("[type=range]");
    const settings = () => [Number(find("[name=plane-size]:checked").value), RATES[slider.value]];
    const CORNERS = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => [x * REACH, y * REACH + 0.2]);

    // The part of a polygon in which class i scores at least as much as class j.
    function part(polygon, { W, b }, i, j) {
      const lead = ([x, y]) => (W[i] - W[j]) * x + (W[3 + i] - W[3 + j]) * y + b[i] - b[j];
      return polygon.flatMap((point, n) => {
        const next = polygon[(n + 1) % polygon.length], [a, c] = [lead(point), lead(next)];
        const between = [0, 1].map((m) => point[m] + (a / (a - c)) * (next[m] - point[m]));
        return [...(a >= 0 ? [point] : []), ...(a * c < 0 ? [between] : [])];
      });
    }

    function drawBorders(model, name) {
      for (const [i, j, k] of [[0, 1, 2], [0, 2, 1], [1, 2, 0]]) {
        // Where i and j score the same, from edge to edge; of that, the part where k scores less.
        const line = part(CORNERS, model, i, j).filter((point) => !CORNERS.includes(point));
        const ends = part(line, model, i, k).slice(0, 2).map(place);
        if (ends.length === 2) draw(field, "path", { class: name, d: `M${ends.join("L")}` });
      }
    }

    function drawPoint(i, isWrong, isInBatch) {
      const k = trainer.y[i], colour = `var(--class-${k})`;
      const [x, y] = place([trainer.x[2 * i], trainer.x[2 * i + 1]]);
      const style = { class: "mark", fill: isWrong ? "var(--card)" : colour, stroke: colour };
      draw(field, "path", { ...style, d: SHAPES[k], transform: `translate(${x} ${y})` });
      if (isInBatch) draw(field, "circle", { class: "ring", cx: x, cy: y, r: 9.5 });
    }

    function show() {
      const { model, before, wrong, batch, history, cost, steps, epochs } = trainer;
      const [size, rate] = settings();
      find(".rate").textContent = rate;
      slider.setAttribute("aria-valuetext", rate);
      field.replaceChildren();
      for (const k of steps ? [0, 1, 2] : []) {
        const [i, j] = [(k + 1) % 3, (k + 2) % 3];
        const region = part(part(CORNERS, model, k, i), model, k, j).map(place);
        const style = { class: "region", fill: `var(--class-${k})` };
        if (region.length) draw(field, "path", { ...style, d: `M${region.join("L")}Z` });
      }
      if (before) drawBorders(before, "border old");
      drawBorders(model, "border");
      const next = steps ? batch : [0, size];
      trainer.y.forEach((_, i) => drawPoint(i, wrong.includes(i), i >= next[0] && i < next[1]));
      const state = `loss ${cost.toFixed(3)}, ${wrong.length} of 60 wrong.`;
      const said = steps
        ? `Epoch ${rounded(epochs)}, step ${grouped(steps)}: ${state}`
        : `No step yet, so all scores are zero and the first class takes every point: ${state}`;
      find(".said").textContent = said;
      field.setAttribute("aria-label", `Sixty points, and borders between three classes. ${said}`);
      const ticks = [0.1, 1, 10, 100].map((value) => [value, value]);
      const y = { from: 0.1, to: 100, isLog: true, ticks, name: "loss of all points by epoch, logarithmic" };
      chart(find(".chart"), epochAxis(trainer), y, `The loss. ${said}`).line(history, "curve");
    }

    slider.addEventListener("input", show);
    find(".choice").addEventListener("change", show);
    control(find, trainer, settings, show);
    return trainer;
  }

  // ---- A thousand digits, and two models of them ----

  // Colours end at these weights. The root of a weight makes those of the first step visible.
  const MOST = 0.6;

  // 256 colours as a canvas has them, from the first to the last of these names of the style.
  function palette(...names) {
    const style = getComputedStyle(document.documentElement);
    const stops = names.map((name) => parseInt(style.getPropertyValue(`--${name}`).trim().slice(1), 16));
    return Uint32Array.from({ length: 256 }, (_, i) => {
      const at = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
      const [red, green, blue] = [16, 8, 0].map((shift) => {
        const [from, to] = [stops[low], stops[low + 1]].map((stop) => (stop >> shift) & 255);
        return Math.round(from + (to - from) * (at - low));
      });
      return (255 << 24) | (blue << 16) | (green << 8) | red;
    });
  }

  function paint(canvas, width, height, colour) {
    Object.assign(canvas, { width, height });
    const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colour(i);
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  function paintWeights({ W, nOut }, canvases) {
    const colours = palette("low-2", "low-1", "zero", "high-1", "high-2");
    canvases.forEach((canvas, k) => paint(canvas, 28, 28, (i) => {
      const w = W[i * nOut + (k % nOut)];
      const root = Math.sign(w) * Math.sqrt(Math.min(Math.abs(w) / MOST, 1));
      return colours[Math.round(127.5 + 127.5 * root)];
    }));
  }

  const pictures = (parent, caption) => range(10).map((k) => {
    const canvas = make("canvas", { role: "img", "aria-label": `${caption}, class ${k}` });
    parent.append(make("div", { class: "picture" }, canvas, String(k)));
    return canvas;
  });

  function floats(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    return Float64Array.from(new Float32Array(bytes.buffer));
  }

  // The digits as x has them, a line of the picture for each.
  async function readDigits() {
    const image = new Image();
    image.src = facts.digits;
    await image.decode();
    const canvas = make("canvas", { width: image.width, height: image.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    return Float64Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] / 256);
  }

  async function playTraining(find) {
    const N_TRAIN = 800, RATE = 0.13, COLUMNS = 25;
    const full = new Model(784, 10, floats(facts.W), floats(facts.b));
    const title = make("div", { class: "pictures title", "aria-hidden": true });
    document.querySelector("h1").after(title);
    const fullPictures = [...pictures(find(".full"), "weights of the full run"), ...pictures(title, "")];
    const herePictures = pictures(find(".here"), "weights learnt here");
    const digits = await readDigits(), nTested = facts.labels.length - N_TRAIN;
    const trainer = new Trainer(digits, facts.labels, 784, 10, N_TRAIN);

    function show() {
      const { model, wrong, history, cost, steps, epochs } = trainer;
      paintWeights(full, fullPictures);
      paintWeights(model, herePictures);
      const error = `${wrong.length} of ${nTested} wrong`;
      find(".state").textContent = steps
        ? `${N_TRAIN} rows; epoch ${rounded(epochs)}, step ${steps}; ${error}, ${percent(wrong.length / nTested, 1)}`
        : `${N_TRAIN} rows; no step yet, so all weights are zero; ${error}`;
      const x = epochAxis(trainer);
      let ticks = [0, 1, 2].map((value) => [value, value]);
      chart(find(".cost"), x, { from: 0, to: 2.5, ticks, name: "cost over the 800 rows by epoch" },
        `The cost is ${cost.toFixed(3)}.`).line(history, "curve");
      ticks = [0, 0.5, 1].map((value) => [value, percent(value, 0)]);
      chart(find(".error"), x, { from: 0, to: 1, ticks, name: "validation error by epoch" },
        `The validation error: ${error}.`).line(history.map(([epoch, , share]) => [epoch, share]), "curve");
      showTested(wrong);
      classify();
    }

    function showTested(wrong) {
      const right = palette("well", "ink"), red = palette("tint", "bad");
      const isWrong = new Set(wrong), width = 28 * COLUMNS;
      paint(find(".tested"), width, (28 * nTested) / COLUMNS, (i) => {
        const [row, column] = [Math.floor(i / width), i % width];
        const n = COLUMNS * Math.floor(row / 28) + Math.floor(column / 28);
        const value = digits[784 * (N_TRAIN + n) + 28 * (row % 28) + (column % 28)];
        return (isWrong.has(n) ? red : right)[Math.round(255 * value)];
      });
      const says = `The digits that validate: ${wrong.length} of ${nTested} are wrong so far.`;
      find(".tested").setAttribute("aria-label", says);
    }

    // ---- The pad ----

    const bars = range(10).map((k) => {
      const [ofFull, ofHere] = [make("i"), make("i")];
      const tracks = [make("div", { class: "track" }, ofFull), make("div", { class: "track here" }, ofHere)];
      find(".bars").append(make("span", {}, String(k)), ...tracks);
      return [ofFull, ofHere];
    });
    let taken = 0; // the number of the digit that was last put on the pad

    function classify() {
      const pixels = Float64Array.from(pad.pixels(), (value) => value / 256);
      const [p, q] = [full, trainer.model].map((model) => softmax(model.scores(pixels)));
      bars.forEach(([ofFull, ofHere], k) => {
        ofFull.style.width = length(pad.isEmpty() ? 0 : p[k]);
        ofHere.style.width = length(pad.isEmpty() ? 0 : q[k]);
      });
      const say = (values) => `${argmax(values)} (${percent(Math.max(...values), 0)})`;
      const here = trainer.steps ? say(q) : "nothing yet";
      find(".said").textContent = pad.isEmpty()
        ? "Draw a digit."
        : `The full run says ${say(p)}; what was learnt here says ${here}.`;
    }

    function take() {
      const canvas = make("canvas");
      paint(canvas, 28, 28, (i) => (255 << 24) | (0x010101 * 256 * digits[784 * (N_TRAIN + taken) + i]));
      pad.load(canvas);
    }

    const pad = makePad(find(".pad"), classify, { size: [28, 28] });
    const another = () => {
      taken = (taken + 1) % nTested;
      take();
    };
    buttons(find, { undo: pad.undo, clear: pad.clear, another });
    take();
    trainer.step(N_TRAIN, RATE);
    find(".answer").textContent = `It leaves ${trainer.wrong.length} of ${nTested} wrong, while the cost ` +
      `hardly moves: from 2.303 to ${trainer.cost.toFixed(3)}.`;
    trainer.reset();
    const settings = () => [Number(find("[name=training-size]:checked").value), RATE];
    control(find, trainer, settings, show);
    return trainer;
  }

  // ---- Patience ----

  const N_BATCHES = 83, N_ROWS = 9600; // an epoch's minibatches; rows of a validation

  // Early stopping as in logreg/early_stopping.py, on the recorded validations.
  function stopping(patience, increase, threshold) {
    const found = { credit: [[0, patience]], bought: [], vain: [], best: Infinity };
    let limit = patience;
    for (const [n, errors] of facts.validations.entries()) {
      const iter = N_BATCHES * (n + 1) - 1; // minibatches before the one that is validated
      if (limit < iter) break;
      found.seen = n + 1;
      found.credit.push([iter, limit - iter]);
      if (errors < found.best) {
        const isGain = errors < found.best * threshold && iter * increase > limit;
        if (isGain) limit = iter * increase;
        found[isGain ? "bought" : "vain"].push(n + 1);
        Object.assign(found, { best: errors, epoch: n + 1 });
        found.credit.push([iter, limit - iter]);
      }
    }
    const end = Math.ceil(limit), isStopped = end < N_BATCHES * facts.validations.length;
    if (isStopped) found.credit.push([limit, 0]);
    return { ...found, end, stop: isStopped && Math.floor(end / N_BATCHES) + 1 };
  }

  function playPatience(find) {
    const inputs = ["patience", "increase", "threshold"].map((name) => find(`[name=${name}]`));
    const errors = facts.validations.map((n) => n / N_ROWS), nEpochs = errors.length;
    const FORMATS = [grouped, (value) => value.toFixed(1), (value) => value.toFixed(3)];

    function show() {
      const values = inputs.map((input) => input.valueAsNumber);
      inputs.forEach((input, i) => {
        const text = FORMATS[i](values[i]);
        input.parentElement.querySelector("b").textContent = text;
        input.setAttribute("aria-valuetext", text);
      });
      const { credit, bought, vain, best, epoch, seen, stop, end } = stopping(...values);
      find("output").replaceChildren(
        make("strong", {}, stop ? `Stops in epoch ${stop}` : `Not stopped in ${nEpochs} epochs`),
        stop ? `, after ${grouped(end + 1)} minibatches; ` : "; ",
        `the best model, of epoch ${epoch}, has a validation error of ${percent(best / N_ROWS)}.`,
      );
      const says = find("output").textContent;
      const x = { to: nEpochs, ticks: range(6).map((i) => [50 * i, 50 * i]) };
      const levels = [0.07, 0.08, 0.09, 0.1, 0.11, 0.12].map((value) => [value, percent(value, 0)]);
      const error = { from: 0.068, to: 0.126, ticks: levels, name: "validation error by epoch" };
      const top = chart(find(".errors"), x, error, says);
      const points = errors.map((error, i) => [i + 1, error]);
      top.line(points, "curve faint");
      top.line(points.slice(0, seen), "curve");
      function spot(n, name, d) {
        const transform = `translate(${top.px(n)} ${top.py(errors[n - 1])})`;
        draw(find(".errors"), "path", { class: `spot ${name}`, d, transform });
      }
      for (const n of vain) spot(n, "vain", "M0 -5L5 0L0 5L-5 0Z");
      for (const n of bought) spot(n, "", CIRCLE(4));
      spot(epoch, "best", CIRCLE(6));
      const most = Math.max(...credit.map(([, left]) => left));
      const unit = [500, 1000, 2500, 5000, 10000, 20000].find((step) => 3 * step >= most) || 20000;
      const steps = range(Math.ceil(most / unit) + 1).map((i) => [i * unit, grouped(i * unit)]);
      const thousands = range(5).map((i) => [5000 * i, grouped(5000 * i)]);
      const y = { from: 0, to: steps[steps.length - 1][0], ticks: steps, name: "minibatches left, by minibatch" };
      const low = chart(find(".left"), { to: N_BATCHES * nEpochs, ticks: thousands }, y,
        `The minibatches that are left to run fall to 0, and rise with gains that buy time. ${says}`);
      const last = credit[credit.length - 1][0];
      low.line([...credit, [last, 0], [0, 0]], "credit");
      if (!stop) return;
      draw(find(".errors"), "path", { class: "limit", d: `M${top.px(end / N_BATCHES)} 24V${top.bottom}` });
      draw(find(".left"), "path", { class: "limit", d: `M${low.px(end)} 24V${low.bottom}` });
    }

    for (const input of inputs) {
      for (const event of ["input", "change"]) {
        input.addEventListener(event, () => { answer(find); show(); });
      }
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

  // ---- The page ----

  const played = {}; // the models that learn in the page, for who looks with the console
  window.tutorial = played;
  const plays = { softmax: playSoftmax, plane: playPlane, training: playTraining, patience: playPatience };
  for (const section of document.querySelectorAll(".play")) {
    const template = document.getElementById(`${section.id}-template`);
    if (!template) continue; // its picture stays
    section.prepend(template.content.cloneNode(true));
    section.classList.add("is-live");
    const trainer = plays[section.id]((selector) => section.querySelector(selector));
    Promise.resolve(trainer).then((made) => { played[section.id] = made; });
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

  // On paper, answers are open.
  const closed = () => document.querySelectorAll("main details:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...closed()];
    for (const node of opened) node.open = true;
  });
  addEventListener("afterprint", () => {
    for (const node of opened) node.open = false;
  });
})();
