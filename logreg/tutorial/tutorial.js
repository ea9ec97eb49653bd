
// What there is to play with. Each thing stands in a <template> of the page and in a section of the
// text, whose picture it replaces. What they show comes as JSON in <script id="facts">. A thing asks
// for a guess, and answers after the experiment that was asked for, where a place is kept for it.
(() => {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const redraws = []; // what to draw anew when the window's width or the colours change
  const SVG = "http://www.w3.org/2000/svg";
  const EPOCHS = 40; // of a run
  const N_TRAIN = 800; // of the digits in the page; the others validate
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

  const guessOf = (label) => `You guessed “${label.textContent.trim()}”. `;

  // Keep a place for the answer, whatever was guessed.
  function keepPlace(find) {
    const guesses = [...find(".predict").querySelectorAll("label")].map(guessOf);
    const longest = guesses.reduce((a, b) => (b.length > a.length ? b : a));
    const answer = find(".answer");
    answer.dataset.text = answer.textContent;
    answer.textContent = longest + answer.textContent;
  }

  function answer(find) {
    const checked = find(".predict :checked"), label = checked && checked.closest("label");
    const isRight = label && label.hasAttribute("data-right");
    const guess = isRight ? "You were right. " : label ? guessOf(label) : "";
    find(".predict").classList.add("is-answered");
    find(".verdict").textContent = guess + find(".answer").dataset.text;
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
    step(x, y, first, end, rate, decay = 0) {
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
      gW.forEach((value, i) => { W[i] -= factor * value + 2 * rate * decay * W[i]; });
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

  // A model that learns from the first nTrain rows, in their order; the last nTested test it. Its
  // progress counts in units of so many rows: in epochs, if nothing else is said.
  class Trainer {
    constructor(x, y, nIn, nOut, nTrain, nTested, unit = nTrain) {
      Object.assign(this, { x, y, nIn, nOut, nTrain, nTested, unit });
      this.reset();
    }

    reset() {
      this.model = new Model(this.nIn, this.nOut);
      Object.assign(this, { before: null, batch: [0, 0], seen: 0, steps: 0, history: [] });
      this.measure();
    }

    get progress() { return this.seen / this.unit; }

    step(size, rate, decay) {
      const next = this.batch[1];
      this.batch = next + size > this.nTrain ? [0, size] : [next, next + size];
      this.before = { W: this.model.W.slice(), b: this.model.b.slice() };
      this.model.step(this.x, this.y, ...this.batch, rate, decay);
      this.seen += size;
      this.steps += 1;
    }

    // Of the rows that it learns from, and of those that test it. That takes longer than a step.
    measure() {
      const n = this.y.length, tested = [this.x, this.y, n - this.nTested, n];
      const own = [this.x, this.y, 0, this.nTrain];
      this.wrong = this.model.wrong(...tested);
      this.ownWrong = this.nTrain < 100 ? this.model.wrong(...own) : [];
      [this.cost, this.testCost] = [this.model.cost(...own), this.model.cost(...tested)];
      const share = this.wrong.length / this.nTested;
      this.history.push([this.progress, this.cost, this.testCost, share]);
    }
  }

  // The buttons of a trainer. settings() gives size, rate and decay; show() draws; isAsked() says
  // whether that was the experiment that was asked for. A run takes four seconds and `length` units
  // of progress; where motion is not wanted, only its end is shown.
  function control(find, trainer, settings, show, isAsked, length = EPOCHS) {
    const button = find("[data-do=run]"), name = button.textContent;
    let goal = null, start = null;

    function measured() {
      trainer.measure();
      show();
    }

    function run(now) {
      if (goal === null) return;
      start = start || { now, progress: trainer.progress };
      const gone = (length * (now - start.now)) / 4000;
      const pace = isStill.matches ? goal : start.progress + gone;
      while (trainer.progress < Math.min(pace, goal) && performance.now() - now < 30) {
        trainer.step(...settings());
      }
      if (trainer.progress >= goal) {
        stop();
        if (isAsked()) answer(find);
        return;
      }
      if (!isStill.matches) measured();
      requestAnimationFrame(run);
    }

    function stop() {
      goal = null;
      button.textContent = name;
      button.closest("section").removeAttribute("aria-busy");
      measured();
    }

    function steps(n) {
      if (goal !== null) stop();
      for (let i = 0; i < n; i++) trainer.step(...settings());
      measured();
      if (isAsked()) answer(find);
    }

    const actions = {
      step: () => steps(1),
      epoch: () => {
        const [size] = settings(), { seen, nTrain } = trainer;
        steps(Math.ceil((nTrain - (seen % nTrain)) / size));
      },
      run: () => {
        if (goal !== null) return stop();
        [goal, start] = [length * (Math.floor(trainer.progress / length) + 1), null];
        button.textContent = "Pause";
        button.closest("section").setAttribute("aria-busy", true);
        requestAnimationFrame(run);
      },
      reset: () => { trainer.reset(); goal = null; button.textContent = name; show(); },
    };
    buttons(find, Object.fromEntries(Object.entries(actions).filter(([key]) => find(`[data-do=${key}]`))));
    redraws.push(show);
    return { reset: actions.reset };
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

  // The axis of the progress of a trainer: one run, then two and so on.
  function axisOf(trainer, length = EPOCHS) {
    const to = length * Math.max(1, Math.ceil(trainer.progress / length - 1e-9));
    return { to, ticks: range(5).map((i) => [(i * to) / 4, grouped((i * to) / 4)]) };
  }

  // ---- Colours of weights: blue against, white nothing, red for; full at the largest weight ----

  const BLUE_TO_RED = ["053061", "4393c3", "f7f7f7", "d6604d", "67001f"];

  // 256 colours as a canvas has them, from the first to the last of these.
  function palette(...colours) {
    const stops = colours.map((colour) => parseInt(colour, 16));
    return Uint32Array.from({ length: 256 }, (_, i) => {
      const at = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
      const [red, green, blue] = [16, 8, 0].map((shift) => {
        const [from, to] = [stops[low], stops[low + 1]].map((stop) => (stop >> shift) & 255);
        return Math.round(from + (to - from) * (at - low));
      });
      return (255 << 24) | (blue << 16) | (green << 8) | red;
    });
  }

  const ofStyle = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim().slice(1);
  const SIGNED = palette(...BLUE_TO_RED);

  function paint(canvas, width, height, colour) {
    Object.assign(canvas, { width, height });
    const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colour(i);
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  const largest = (values) => values.reduce((top, value) => Math.max(top, Math.abs(value)), 1e-9);

  // 28 x 28 values, with the colours' ends at -top and top.
  function paintSigned(canvas, value, top) {
    paint(canvas, 28, 28, (i) => SIGNED[Math.round(127.5 + 127.5 * Math.min(Math.max(value(i) / top, -1), 1))]);
  }

  function paintWeights({ W, nOut }, canvases) {
    const top = largest(W);
    canvases.forEach((canvas, k) => paintSigned(canvas, (i) => W[i * nOut + k], top));
  }

  function floats(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    return Float64Array.from(new Float32Array(bytes.buffer));
  }

  // ---- A thousand digits, and the model of the full run ----

  const full = new Model(784, 10, floats(facts.W), floats(facts.b));

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

  const reading = readDigits();

  // ---- Ten sums ----

  async function playSums(find) {
    const rows = range(10).map((k) => {
      const choice = make("input", { type: "radio", name: "sums-digit", value: k });
      const [sum, share] = [make("span", { class: "number" }), make("span", { class: "number" })];
      const [bar, part] = [make("i"), make("i")];
      const row = make("label", { class: "row" }, choice, make("b", {}, String(k)),
        make("span", { class: "track signed" }, bar), sum, make("span", { class: "track" }, part), share);
      row.addEventListener("pointerenter", (event) => {
        if (event.pointerType === "mouse") { choice.checked = true; show(); }
      });
      choice.addEventListener("change", show);
      find(".rows").append(row);
      return { choice, sum, share, bar, part };
    });
    const digits = await reading;
    let taken = facts.labels.indexOf(3, N_TRAIN);

    function show() {
      const k = rows.findIndex(({ choice }) => choice.checked);
      const x = Float64Array.from(pad.pixels(), (value) => value / 256);
      const z = full.scores(x), p = softmax(z), end = Math.max(6, largest(z)), best = argmax(p);
      rows.forEach(({ sum, share, bar, part }, i) => {
        sum.textContent = z[i].toFixed(1).replace("-", "−");
        share.textContent = percent(p[i], 0);
        bar.style.left = length(0.5 + Math.min(0, z[i] / end / 2));
        bar.style.width = length(Math.abs(z[i]) / end / 2);
        bar.className = i === best ? "best" : "";
        part.style.width = length(p[i]);
      });
      const product = (i) => x[i] * full.W[10 * i + k];
      paintSigned(find(".product"), product, largest(full.W.map((w, i) => w * x[Math.floor(i / 10)])));
      const sum = range(784).reduce((total, i) => total + product(i), 0);
      const says = `For the answer ${k}, the products add up to ${sum.toFixed(2)}, and with the bias of ` +
        `${full.b[k].toFixed(2)} to ${z[k].toFixed(2)}.`.replace(/-/g, "−");
      find(".product").setAttribute("aria-label", `Pixels times weights. ${says}`);
      find(".of").textContent = k;
      find(".said").textContent = pad.isEmpty()
        ? "An empty page: all pixels are 0, and the sums are the biases. Draw a digit."
        : `${says} The largest of the ten sums is that of ${best}, so the answer is ${best}.`;
    }

    function take() {
      const canvas = make("canvas");
      paint(canvas, 28, 28, (i) => (255 << 24) | (0x010101 * (255 - Math.round(256 * digits[784 * taken + i]))));
      pad.load(canvas);
    }

    // Inverted, and of light images: so both strokes and digits are black on white, and are given
    // as MNIST has them.
    const pad = makePad(find(".pad"), show, { size: [28, 28], isLight: true });
    pad.isInverted = true;
    const another = () => {
      taken = N_TRAIN + ((taken + 1 - N_TRAIN) % (facts.labels.length - N_TRAIN));
      take();
    };
    buttons(find, { undo: pad.undo, clear: pad.clear, another });
    rows[3].choice.checked = true;
    take();
  }

  // ---- Three scores ----

  function playSoftmax(find) {
    const START = [2, 1, 0];
    const rows = START.map((_, k) => {
      const name = `class ${k}`;
      const truth = make("input", { type: "radio", name: "truth", value: k });
      const ends = { min: -20, max: 20, step: 0.1 };
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
        bar.style.width = length(p[k]);
      });
      const k = rows.findIndex(({ truth }) => truth.checked);
      const given = p[k] < 0.0005 ? p[k].toExponential(1) : p[k].toFixed(3);
      const loss = make("strong", {}, (-Math.log(p[k])).toFixed(3));
      const words = `The truth is class ${k}, which was given ${given}. The loss is −log ${given} = `;
      find("output").replaceChildren(words, loss);
      const scores = rows.map(({ score }) => score.valueAsNumber);
      find("[data-do=more]").disabled = Math.max(...scores) > 19;
      find("[data-do=double]").disabled = Math.max(...scores.map(Math.abs)) > 10;
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

  // ---- Sixty points on a plane ----

  function playPlane(find) {
    const SHAPES = [CIRCLE(5), "M-4.5 -4.5H4.5V4.5H-4.5Z", "M0 -6L5.6 4.2H-5.6Z"];
    const SIDE = 400, REACH = 2.6; // of the field, in its own units and in those of the points
    const trainer = new Trainer(facts.plane.x, facts.plane.y, 2, 3, 60, 60);
    const place = ([x, y]) => [(SIDE / 2) * (1 + x / REACH), (SIDE / 2) * (1 - (y - 0.2) / REACH)];
    const field = find(".field");
    const settings = () => ["size", "rate"].map((name) => Number(find(`[name=plane-${name}]:checked`).value));
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

    // A point that tests: small, and nothing is learnt from it.
    function drawNew(i) {
      const [x, y] = place([trainer.x[2 * i], trainer.x[2 * i + 1]]);
      const transform = `translate(${x} ${y}) scale(0.6)`;
      draw(field, "path", { class: "new", d: SHAPES[trainer.y[i]], transform, fill: `var(--class-${trainer.y[i]})` });
    }

    function show() {
      const { model, before, wrong, ownWrong, batch, history, cost, testCost, steps, progress } = trainer;
      const [size] = settings();
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
      range(60).forEach((i) => drawNew(60 + i));
      range(60).forEach((i) => drawPoint(i, ownWrong.includes(i), i >= next[0] && i < next[1]));
      const state = `loss ${cost.toFixed(3)}, ${ownWrong.length} of 60 wrong. Of 60 new points: ` +
        `loss ${testCost.toFixed(3)}, ${wrong.length} wrong.`;
      const said = steps
        ? `Epoch ${rounded(progress)}, step ${grouped(steps)}: ${state}`
        : `No step yet, all scores are zero, and class 0 takes every point: ${state}`;
      find(".said").textContent = said;
      field.setAttribute("aria-label", `Sixty points, and borders between three classes. ${said}`);
      const ticks = [0.1, 1, 10, 100].map((value) => [value, value]);
      const y = { from: 0.1, to: 100, isLog: true, ticks, name: "loss by epoch, logarithmic" };
      const curves = chart(find(".chart"), axisOf(trainer), y, `The losses. ${said}`);
      curves.line(history.map(([at, , loss]) => [at, loss]), "curve tested");
      curves.line(history, "curve");
    }

    for (const choice of [".sizes", ".rates"]) find(choice).addEventListener("change", show);
    control(find, trainer, settings, show, () => settings()[1] === 100 && trainer.progress >= 1);
    show();
    return trainer;
  }

  // ---- Training, here ----

  const pictures = (parent, caption) => range(10).map((k) => {
    const canvas = make("canvas", { role: "img", "aria-label": `${caption}, class ${k}` });
    parent.append(make("div", { class: "picture" }, canvas, String(k)));
    return canvas;
  });

  async function playTraining(find) {
    const RATE = 0.13, COLUMNS = 25;
    const fullPictures = pictures(find(".full"), "weights of the full run");
    const herePictures = pictures(find(".here"), "weights learnt here");
    paintWeights(full, fullPictures);
    const digits = await reading, nTested = facts.labels.length - N_TRAIN;
    const trainer = new Trainer(digits, facts.labels, 784, 10, N_TRAIN, nTested);
    const boxes = [".learning", ".reading"].map((box) => (selector) => find(`${box} ${selector}`));

    function show() {
      const { model, wrong, history, cost, steps, progress } = trainer;
      paintWeights(model, herePictures);
      const error = `${wrong.length} of ${nTested} wrong, ${percent(wrong.length / nTested, 1)}`;
      const at = steps ? `epoch ${rounded(progress)}, step ${steps}` : "no step yet, all weights are zero";
      for (const box of boxes) box(".state").textContent = `${at}; cost ${cost.toFixed(3)}; ${error}`;
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
      const right = palette(ofStyle("well"), ofStyle("ink")), red = palette(ofStyle("tint"), ofStyle("bad"));
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

    const first = new Trainer(digits, facts.labels, 784, 10, N_TRAIN, nTested);
    first.step(N_TRAIN, RATE);
    first.measure();
    find(".answer").textContent = `It leaves ${first.wrong.length} of ${nTested} wrong, while the cost ` +
      `hardly moves: from 2.303 to ${first.cost.toFixed(3)}. Each picture is its mean digit less the ` +
      "mean of all, and that is already worth a lot.";
    const settings = () => [Number(find("[name=training-size]:checked").value), RATE];
    control(boxes[0], trainer, settings, show, () => settings()[0] === N_TRAIN);
    control(boxes[1], trainer, settings, show, () => false);
    show();
    return trainer;
  }

  // ---- By heart ----

  async function playHeart(find) {
    const RATE = 0.5, SIZE = 100, STEPS = 300;
    const digits = await reading, { labels } = facts, nTested = labels.length - N_TRAIN;
    const chosen = (name) => Number(find(`[name=heart-${name}]:checked`).value);
    const trainer = new Trainer(digits, labels, 784, 10, chosen("rows"), nTested, SIZE);

    function show() {
      const { history, cost, testCost, wrong, steps } = trainer;
      const lowest = Math.min(...history.map(([, , loss]) => loss));
      const says = `Step ${steps}: training loss ${cost.toFixed(2)}, validation loss ${testCost.toFixed(2)} ` +
        `(the lowest was ${lowest.toFixed(2)}), ${wrong.length} of ${nTested} wrong.`;
      find(".said").textContent = says;
      const ticks = [0, 0.5, 1, 1.5].map((value) => [value, value]);
      const curves = chart(find(".losses"), axisOf(trainer, STEPS), { from: 0, to: 1.5, ticks, name: "loss by step" }, says);
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
    const inputs = ["patience", "increase", "threshold"].map((name) => find(`[name=patience-${name}]`));
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

  // ---- The page ----

  const played = {}; // the models that learn in the page, for who looks with the console
  window.tutorial = played;
  const plays = {
    sums: playSums, softmax: playSoftmax, plane: playPlane, training: playTraining, heart: playHeart,
    patience: playPatience,
  };
  for (const section of document.querySelectorAll(".play")) {
    const template = document.getElementById(`${section.id}-template`);
    section.prepend(template.content.cloneNode(true));
    section.classList.add("is-live");
    const find = (selector) => section.querySelector(selector);
    const made = Promise.resolve(plays[section.id](find));
    made.then((trainer) => {
      if (find(".predict")) keepPlace(find);
      played[section.id] = trainer;
      return openAddress(section.id);
    });
    section.addEventListener("change", () => keepState(section));
  }

  // ---- The state of a thing stands in the address: #plane?rate=10&size=1 ----

  function inputsOf(section) {
    const inputs = [...section.querySelectorAll("input[name]")];
    return inputs.filter(({ name }) => !name.startsWith("guess")).map((input) => [input.name.replace(`${section.id}-`, ""), input]);
  }

  function keepState(section) {
    const state = new URLSearchParams();
    for (const [key, input] of inputsOf(section)) {
      if (input.type !== "radio" || input.checked) state.set(key, input.value);
    }
    history.replaceState(null, "", `#${section.id}?${state}`);
  }

  function openAddress(only) {
    const [id, query] = location.hash.slice(1).split("?");
    const section = document.getElementById(id);
    if (!section || query === undefined || (only && only !== id)) return;
    const state = new URLSearchParams(query);
    for (const [key, input] of inputsOf(section)) {
      if (!state.has(key)) continue;
      if (input.type !== "radio") input.value = state.get(key);
      else if (input.value === state.get(key)) input.checked = true;
      else continue;
      for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
    }
    section.scrollIntoView();
  }
  addEventListener("hashchange", () => openAddress());

  // ---- The question of each chapter answers ----

  document.querySelectorAll("h3").forEach((heading, n) => {
    if (heading.textContent !== "Question") return;
    const question = heading.nextElementSibling;
    const box = make("fieldset", { class: "question" }, make("legend", {}, ...question.childNodes));
    const reasons = make("div", { class: "reserve" });
    const verdict = make("div", { role: "status" });
    for (let next; (next = question.nextElementSibling).matches("details");) {
      const [summary, ...why] = next.children;
      const radio = make("input", { type: "radio", name: `guess-${n}` });
      const label = make("label", {}, radio, make("span", {}, ...summary.childNodes));
      const reason = make("div", { class: "reason", "aria-hidden": true }, ...why);
      label.toggleAttribute("data-right", reason.textContent.trim().startsWith("Yes"));
      radio.addEventListener("change", () => {
        box.classList.add("is-answered");
        verdict.replaceChildren(...reason.cloneNode(true).childNodes);
      });
      box.append(label);
      reasons.append(reason);
      next.remove();
    }
    reasons.append(verdict);
    box.append(reasons);
    question.replaceWith(box);
  });

  // ---- Links to chapters, and the chapter that one is in ----

  const chapters = [...document.querySelectorAll("h2[id]")];
  const links = [...document.querySelectorAll("#contents a")];
  for (const heading of chapters) {
    const name = `Link to “${heading.textContent}”`;
    heading.append(make("a", { class: "permalink", href: `#${heading.id}`, "aria-label": name }, "#"));
  }

  function markChapter() {
    const at = chapters.filter((heading) => heading.getBoundingClientRect().top < 160).length - 1;
    links.forEach((link, i) => {
      if (i === at) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    document.querySelector("#contents .now").textContent = at < 0 ? "" : links[at].textContent;
  }
  addEventListener("scroll", markChapter, { passive: true });
  redraws.push(markChapter);

  // ---- Each example can be copied, without its prompts and what it prints ----

  function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.body.appendChild(make("textarea", {}, text));
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  for (const code of document.querySelectorAll("main pre > code")) {
    if (code.classList.contains("language-text")) continue;
    const button = make("button", { type: "button", class: "copy", "aria-label": "Copy this example" }, "Copy");
    button.addEventListener("click", () => {
      const clone = code.cloneNode(true);
      for (const node of clone.querySelectorAll(".gp, .go")) node.remove();
      copy(clone.textContent.split("\n").filter((line) => line.trim()).join("\n") + "\n");
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    const box = make("div", { class: "code" });
    code.parentElement.replaceWith(box);
    box.append(make("pre", {}, code), button);
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

  // ---- On paper, with the answers or without: ?answers in the address, or the buttons at the end ----

  for (const node of document.querySelectorAll("main details")) {
    node.classList.toggle("is-answer", node.querySelector("summary").textContent === "Answer");
  }
  const withAnswers = (isWanted) => document.body.classList.toggle("with-answers", isWanted);
  withAnswers(location.search === "?answers");
  for (const button of document.querySelectorAll("[data-print]")) {
    button.addEventListener("click", () => {
      withAnswers(button.dataset.print === "answers");
      print();
    });
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")];
    for (const node of opened) node.open = true;
  });
  addEventListener("afterprint", () => {
    for (const node of opened) node.open = false;
  });
})();
