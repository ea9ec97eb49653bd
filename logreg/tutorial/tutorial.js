
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
  const signed = (value, digits) => value.toFixed(digits).replace("-", "−");
  const range = (n) => Array.from({ length: n }, (_, i) => i);

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

  // The answer takes the place of the guesses.
  function answer(find) {
    const checked = find(".predict :checked"), label = checked && checked.closest("label");
    const isRight = label && label.hasAttribute("data-right");
    const guess = isRight ? "You were right. " : label ? guessOf(label) : "";
    find(".predict").classList.add("is-answered");
    find(".verdict").textContent = guess + find(".answer").dataset.text;
  }

  function askAgain(find) {
    find(".predict").classList.remove("is-answered");
    find(".verdict").textContent = "";
    for (const guess of find(".predict").querySelectorAll("input")) guess.checked = false;
  }

  // ---- Descent in minibatches ----

  // A model that learns from the first nTrain rows, in their order; the last nTested test it. Its
  // progress counts in units of so many rows: in epochs, if nothing else is said.
  class Trainer {
    constructor({ x, y, nIn, nOut, nTrain, nTested, scale = 1, unit = nTrain }) {
      Object.assign(this, { x, y, nIn, nOut, nTrain, nTested, scale, unit });
      this.reset();
    }

    reset() {
      this.rows = new Rows(this.x, this.nIn, this.nOut, this.y);
      this.model = new Model(this.nIn, this.nOut, { scale: this.scale });
      Object.assign(this, { before: null, batch: [0, 0], seen: 0, steps: 0, history: [] });
      this.measure();
    }

    get progress() { return this.seen / this.unit; }

    step(size, rate, decay) {
      const next = this.batch[1];
      this.batch = next + size > this.nTrain ? [0, size] : [next, next + size];
      this.before = { W: this.model.W.slice(), b: this.model.b.slice() };
      this.model.step(this.rows, ...this.batch, rate, decay);
      this.seen += size;
      this.steps += 1;
    }

    // Of the rows that it learns from, and of those that test it. That takes longer than a step.
    measure() {
      const n = this.y.length, tested = [this.rows, n - this.nTested, n];
      const own = [this.rows, 0, this.nTrain];
      this.wrong = this.model.wrong(...tested);
      this.ownWrong = this.nTrain < 100 ? this.model.wrong(...own) : [];
      [this.cost, this.testCost] = [this.model.cost(...own), this.model.cost(...tested)];
      const share = this.wrong.length / this.nTested;
      this.history.push([this.progress, this.cost, this.testCost, share]);
    }
  }

  // The buttons of a trainer. settings() gives size, rate and decay; show() draws; isAsked() says
  // whether that was the experiment that was asked for. A run takes four seconds and `length` units
  // of progress; where motion is not wanted, only its end is shown. trainer.halt ends it, for all
  // buttons of the trainer.
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
      goal = trainer.halt = null;
      button.textContent = name;
      button.closest("section").removeAttribute("aria-busy");
      measured();
    }

    function steps(n) {
      if (trainer.halt) trainer.halt();
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
        if (trainer.halt) trainer.halt();
        trainer.halt = stop;
        [goal, start] = [length * (Math.floor(trainer.progress / length) + 1), null];
        button.style.minWidth = `${button.getBoundingClientRect().width}px`; // nothing moves
        button.textContent = "Pause";
        button.closest("section").setAttribute("aria-busy", true);
        requestAnimationFrame(run);
      },
      reset: () => { if (trainer.halt) trainer.halt(); trainer.reset(); show(); },
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

  // ---- A thousand digits, their weights, and the model of the full run ----

  const ofStyle = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim().slice(1);

  function paintWeights({ W, nOut }, canvases) {
    const top = largest(W);
    canvases.forEach((canvas, k) => paintSigned(canvas, 28, 28, (i) => W[i * nOut + k], top));
  }

  const full = new Model(784, 10, { W: decode(facts.W), b: decode(facts.b), scale: 1 / 256 });

  // The bytes of the digits, a line of the picture for each.
  async function readDigits() {
    const image = new Image();
    image.src = facts.digits;
    await image.decode();
    const canvas = make("canvas", { width: image.width, height: image.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    return Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
  }

  const reading = readDigits();

  // ---- Ten sums, and the training digits that they come from ----

  // A bar with its number: what stands in a row for an answer.
  function share(kind = "") {
    const bar = make("i"), number = make("span", { class: "number" });
    return { bar, number, nodes: [make("span", { class: `track ${kind}` }, bar), number] };
  }

  async function playSums(find) {
    const rows = range(10).map((k) => {
      const choice = make("input", { type: "radio", name: "sums-digit", value: k });
      const sum = share("signed"), part = share();
      const row = make("label", { class: "row" }, choice, make("b", {}, String(k)), ...sum.nodes, ...part.nodes);
      row.addEventListener("pointerenter", (event) => {
        if (event.pointerType === "mouse" && !choice.checked) choice.click();
      });
      choice.addEventListener("change", () => show());
      find(".rows").append(row);
      return { choice, sum, part };
    });
    const digits = await reading;
    let taken = facts.labels.indexOf(3, N_TRAIN);

    // A new drawing is looked at for its own answer.
    function show(isNew) {
      const x = pad.pixels(), z = full.scores(new Rows(x, 784, 10)), p = softmax(z), best = argmax(p);
      const end = Math.max(6, largest(z));
      if (isNew) rows[best].choice.checked = true;
      const k = rows.findIndex(({ choice }) => choice.checked);
      rows.forEach(({ sum, part }, i) => {
        sum.number.textContent = signed(z[i], 1);
        sum.bar.style.left = length(0.5 + Math.min(0, z[i] / end / 2));
        sum.bar.style.width = length(Math.abs(z[i]) / end / 2);
        sum.bar.className = i === best ? "best" : "";
        part.number.textContent = percent(p[i], 0);
        part.bar.style.width = length(p[i]);
      });
      const product = (i) => (x[i] / 256) * full.W[10 * i + k];
      const top = largest(full.W.map((w, i) => (w * x[Math.floor(i / 10)]) / 256));
      paintSigned(find(".product"), 28, 28, product, top);
      const sum = range(784).reduce((total, i) => total + product(i), 0);
      const says = `For the answer ${k}, the products add up to ${signed(sum, 2)}, and with the bias of ` +
        `${signed(full.b[k], 2)} to ${signed(z[k], 2)}.`;
      find(".product").setAttribute("aria-label", `Pixels times weights. ${says}`);
      for (const name of find(".toy").querySelectorAll(".of")) name.textContent = k;
      find(".said").textContent = pad.isEmpty()
        ? "An empty page: all pixels are 0, and the sums are the biases. Draw a digit."
        : `${says} The largest of the ten sums is that of ${best}, so the answer is ${best}.`;
      showWitnesses(x, k);
    }

    // The weights are a sum of the training digits, each times its row of A. So is the sum of an
    // answer: each digit adds its A, times how much ink it has in common with the drawing.
    const A = decode(facts.A, Int8Array);
    const witnesses = range(10).map(() => {
      const canvas = make("canvas"), number = make("span", { class: "number" });
      find(".witnesses").append(make("div", { class: "picture" }, canvas, number));
      return { canvas, number };
    });

    function showWitnesses(x, k) {
      const inked = range(784).filter((j) => x[j]);
      const speaks = facts.labels.map((_, i) => {
        const common = inked.reduce((sum, j) => sum + x[j] * digits[784 * i + j], 0) / 256 ** 2;
        return common * A[10 * i + k] * facts.A_unit;
      });
      const order = range(speaks.length).sort((i, j) => speaks[j] - speaks[i]);
      const chosen = [...order.slice(0, 5), ...order.slice(-5).reverse()];
      witnesses.forEach(({ canvas, number }, place) => {
        const i = chosen[place];
        paint(canvas, 28, 28, (j) => GREYS[255 - digits[784 * i + j]]);
        number.textContent = (speaks[i] > 0 ? "+" : "") + signed(speaks[i], 2);
      });
      const named = (places) => places.map((i) => facts.labels[i]).join(", ");
      find(".witnesses").setAttribute("aria-label", `Training digits that speak most for ${k}: ` +
        `${named(chosen.slice(0, 5))}; and against it: ${named(chosen.slice(5))}.`);
    }

    function take() {
      const canvas = make("canvas");
      paint(canvas, 28, 28, (i) => GREYS[255 - digits[784 * taken + i]]);
      pad.load(canvas);
    }

    // Inverted, and of light images: so both strokes and digits are black on white, and are given
    // as MNIST has them.
    const pad = makePad(find(".pad"), () => show(true), { size: [28, 28], isLight: true });
    pad.isInverted = true;
    const another = () => {
      taken = N_TRAIN + ((taken + 1 - N_TRAIN) % (facts.labels.length - N_TRAIN));
      take();
    };
    buttons(find, { undo: pad.undo, clear: pad.clear, another });
    take();
    await new Promise(requestAnimationFrame); // it is shown
  }

  // ---- A pad that can fail ----

  // A three, small and in a corner.
  const THREE = [[24, 30], [40, 20], [60, 22], [68, 36], [58, 50], [44, 55], [62, 60], [72, 76], [62, 92], [42, 96], [24, 86]];

  function playPadRaw(find) {
    const rows = range(10).map((k) => {
      const part = share();
      find(".rows").append(make("div", { class: "row" }, make("b", {}, String(k)), ...part.nodes));
      return part;
    });

    function show() {
      pad.isCentred = find("[name=pad-raw-prepared]:checked").value === "yes";
      const x = pad.pixels(), p = softmax(full.scores(new Rows(x, 784, 10))), best = argmax(p);
      paint(find(".seen"), 28, 28, (i) => GREYS[x[i]]);
      rows.forEach(({ bar, number }, k) => {
        bar.className = k === best ? "best" : "";
        bar.style.width = length(p[k]);
        number.textContent = percent(p[k], 0);
      });
      const says = pad.isEmpty() ? "Draw a digit, anywhere, of any size." : `The model says ${best}.`;
      find(".said").textContent = says;
      find(".seen").setAttribute("aria-label", `What the model is given. ${says}`);
    }

    const pad = makePad(find(".pad"), show, { size: [28, 28] });
    find(".prepared").addEventListener("change", (event) => {
      show();
      if (event.isTrusted && pad.isCentred) answer(find);
    });
    const reset = () => {
      find("[name=pad-raw-prepared]").checked = true;
      pad.draw([{ width: 12, points: THREE }]);
    };
    buttons(find, { undo: pad.undo, clear: pad.clear, reset });
    reset();
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
    const SIDE = 400, REACH = 2.6; // of the field, in pixels and in units of the points
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

    // For a place: which class scores most there, and how many pixels away from there another does.
    function leads({ W, b }) {
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
        return { best, distance: (distance * SIDE) / (2 * REACH) };
      };
    }

    // Each class has a tint where it scores most. The borders of now are thick, those of before thin.
    function paintRegions({ model, before }) {
      const colourOf = (name) => palette(ofStyle(name), ofStyle(name))[0] & 0xffffff;
      const [tints, ink] = [range(3).map((k) => colourOf(`class-${k}`)), colourOf("ink")];
      const now = leads(model), then = leads(before || model);
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

    function drawPoint(i, isWrong, isInBatch) {
      const k = trainer.y[i], colour = `var(--class-${k})`, [x, y] = place(points[i]);
      const style = { class: "mark", fill: isWrong ? "var(--card)" : colour, stroke: colour };
      draw(field, "path", { ...style, d: SHAPES[k], transform: `translate(${x} ${y})` });
      if (isInBatch) draw(field, "circle", { class: "ring", cx: x, cy: y, r: 9.5 });
    }

    // A point that tests: small, and nothing is learnt from it.
    function drawNew(i) {
      const k = trainer.y[i], [x, y] = place(points[i]);
      const transform = `translate(${x} ${y}) scale(0.6)`;
      draw(field, "path", { class: "new", d: SHAPES[k], transform, fill: `var(--class-${k})` });
    }

    function show() {
      const { wrong, ownWrong, batch, history, cost, testCost, steps, progress } = trainer;
      const [size] = settings();
      paintRegions(trainer);
      field.replaceChildren();
      const next = steps ? batch : [0, size];
      range(60).forEach((i) => drawNew(60 + i));
      range(60).forEach((i) => drawPoint(i, ownWrong.includes(i), i >= next[0] && i < next[1]));
      const state = `loss ${cost.toFixed(3)}, ${ownWrong.length} of 60 wrong. Of 60 new points: ` +
        `loss ${testCost.toFixed(3)}, ${wrong.length} wrong.`;
      const said = steps
        ? `Epoch ${rounded(progress)}, step ${grouped(steps)}: ${state}`
        : `No step yet, all scores are zero, and class 0 takes every point: ${state}`;
      find(".said").textContent = said;
      field.setAttribute("aria-label", `Sixty points, and borders between classes. ${said}`);
      const ticks = [0.1, 1, 10, 100].map((value) => [value, value]);
      const y = { from: 0.1, to: 100, isLog: true, ticks, name: "loss by epoch, logarithmic" };
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
    const given = { x: digits, y: facts.labels, nIn: 784, nOut: 10, scale: 1 / 256, nTrain: N_TRAIN, nTested };
    const trainer = new Trainer(given);
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
        const ink = digits[784 * (N_TRAIN + n) + 28 * (row % 28) + (column % 28)];
        return (isWrong.has(n) ? red : right)[ink];
      });
      const says = `The digits that validate: ${wrong.length} of ${nTested} are wrong so far.`;
      find(".tested").setAttribute("aria-label", says);
    }

    const first = new Trainer(given);
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
    const given = { x: digits, y: labels, nIn: 784, nOut: 10, scale: 1 / 256, nTrain: chosen("rows"), nTested };
    const trainer = new Trainer({ ...given, unit: SIZE });

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

  // What early stopping does with the recorded validations.
  function stoppedBy(...settings) {
    const stopping = new EarlyStopping(...settings);
    const found = { credit: [[0, stopping.patience]], bought: [], vain: [] };
    for (const [n, errors] of facts.validations.entries()) {
      const iter = N_BATCHES * (n + 1) - 1, { patience } = stopping;
      if (stopping.isOver(iter - 1)) break;
      found.seen = n + 1;
      found.credit.push([iter, patience - iter]);
      if (!stopping.update(iter, errors)) continue;
      found[stopping.patience > patience ? "bought" : "vain"].push(n + 1);
      found.epoch = n + 1;
      found.credit.push([iter, stopping.patience - iter]);
    }
    const { best, patience } = stopping, end = Math.ceil(patience);
    const isStopped = end < N_BATCHES * facts.validations.length;
    if (isStopped) found.credit.push([patience, 0]);
    return { ...found, best, end, stop: isStopped && Math.floor(end / N_BATCHES) + 1 };
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
      const { credit, bought, vain, best, epoch, seen, stop, end } = stoppedBy(...values);
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

  // ---- The tutorial's log, in the reader's tab ----

  async function playMnistRun(find) {
    const NAMES = Object.values(facts.mnist), HEADERS = { images: 16, labels: 8 }; // bytes
    const canvases = pictures(find(".here"), "weights learnt here"), button = find("[data-do=run]");
    const digits = await reading, files = {}; // the rows of MNIST's files, by their names
    const formatted = (error) => (100 * error).toFixed(6); // as %f has it
    let run = null, isOn = false, isBusy = false;

    function say(text) { find(".said").textContent = text; }

    // On MNIST if its training files are there, else on the digits of the page.
    function begin(reason) {
      const [x, y, testX, testY] = NAMES.map((name) => files[name]), { labels } = facts;
      const whole = { train: [x, y], nTrain: 50000, size: 600, nEpochs: 1000 };
      const own = { train: [digits, labels], nTrain: N_TRAIN, size: 100 };
      const isWhole = Boolean(x && y), log = facts.logs[isWhole ? "mnist" : "own"];
      const given = { nEpochs: log.length, ...(isWhole ? whole : own), rate: 0.13 };
      if (isWhole && testX && testY) given.test = [testX, testY];
      if (run) run.worker.terminate();
      run = { worker: makeWorker(), log, n: 0, nEqual: 0, seconds: 0 };
      run.worker.postMessage(given);
      run.worker.onmessage = received;
      [isOn, isBusy] = [false, false];
      [button.textContent, button.disabled] = ["Train", false];
      find(".log").replaceChildren();
      paintWeights(new Model(784, 10), canvases);
      const rows = isWhole ? `MNIST's 50,000 rows, 600 a step${given.test ? "" : ", without test files"}` : "800 rows of this page, 100 a step";
      say(`${reason}Ready to train on ${rows}.`);
    }

    function ask() {
      [isBusy, run.since] = [true, performance.now()];
      run.worker.postMessage(null);
    }

    function received({ data }) {
      isBusy = false;
      run.seconds += (performance.now() - run.since) / 1000;
      const at = `epoch ${data.epoch}, minibatch ${data.nBatches}/${data.nBatches}`;
      const [valid, test] = run.log[data.epoch - 1] || [];
      if ("valid" in data) compare(`${at}, validation error`, formatted(data.valid), valid);
      if ("test" in data) compare(`     ${at}, test error of best model`, formatted(data.test), test);
      const pace = (data.epoch / run.seconds).toFixed(1);
      say(`${run.nEqual} of ${run.n} errors are those of the program, to the last digit. ${data.epoch} epochs, ${pace} a second.`);
      if (!isStill.matches || data.isOver) paintWeights({ ...data, nOut: 10 }, canvases);
      if (data.isOver) {
        const [best, tested] = [data.best, data.bestTest].map(formatted);
        const score = `Optimization complete with best validation score of ${best} %`;
        print(make("code", {}, score + (data.bestTest !== undefined ? `, with test performance ${tested} %` : "")));
        print(make("code", {}, `The code run for ${data.epoch} epochs, with ${pace} epochs/sec`));
        [isOn, button.textContent, button.disabled] = [false, "Done", true];
        answer(find);
      } else if (isOn) ask();
    }

    function print(...line) {
      find(".log").append(make("div", {}, ...line));
      find(".log").scrollTop = 1e6;
    }

    // A line as the program prints it, beside the error that it has printed.
    function compare(text, error, published) {
      const isEqual = error === published;
      run.n += 1;
      run.nEqual += isEqual;
      const mark = make("b", { class: isEqual ? "equal" : "other" }, isEqual ? "✓" : "✗");
      print(make("code", {}, `${text} ${error} %`), make("code", {}, published || "none"), mark);
    }

    // MNIST's files, gzipped or not, under any name.
    async function take(blobs) {
      if (!blobs.length) return; // of a dialog that was left, or dropped text
      if (!crypto.subtle) {
        begin("This browser checks files only in a page of its own disk or of an https address. ");
        return;
      }
      const refused = [];
      button.disabled = true;
      say("The files are unpacked and checked …");
      for (const blob of blobs) {
        const bytes = await unpacked(blob).catch(() => new Uint8Array(0));
        const name = facts.mnist[await sha256(bytes)];
        if (name) files[name] = bytes.subarray(HEADERS[name.split("-")[1]]);
        else refused.push(`${blob.name} is none of MNIST's four files: its bytes are others. `);
      }
      const lacking = NAMES.slice(0, 2).filter((name) => !files[name]);
      begin(refused.join("") + (lacking.length ? `To train on MNIST, ${lacking.join(" and ")} has to be there. ` : ""));
    }

    find("[type=file]").addEventListener("change", ({ target }) => take([...target.files]));
    const toy = find(".toy");
    toy.addEventListener("dragover", (event) => event.preventDefault());
    toy.addEventListener("drop", (event) => {
      event.preventDefault();
      take([...event.dataTransfer.files]);
    });
    buttons(find, {
      run: () => {
        isOn = !isOn;
        button.textContent = isOn ? "Stop" : "Go on";
        if (isOn && !isBusy) ask();
      },
      reset: () => begin(""),
    });
    if (facts.files) take(facts.files.map((base64) => new Blob([bytesOf(base64)])));
    else begin("");
  }

  // ---- The page ----

  const played = {}; // the models that learn in the page, for who looks with the console
  window.tutorial = played;
  const plays = {
    sums: playSums, softmax: playSoftmax, plane: playPlane, training: playTraining, heart: playHeart,
    patience: playPatience, "pad-raw": playPadRaw, "mnist-run": playMnistRun,
  };
  for (const section of document.querySelectorAll(".play")) {
    const name = nameOf(section), template = document.getElementById(`${name}-template`);
    section.prepend(template.content.cloneNode(true));
    section.classList.add("is-live");
    const find = (selector) => section.querySelector(selector);
    Promise.resolve(plays[name](find)).then((trainer) => {
      if (find(".predict")) keepPlace(find);
      played[name] = trainer;
      openAddress(name);
    });
    section.addEventListener("change", () => keepState(section));
    section.addEventListener("click", ({ target }) => {
      if (target.dataset.do === "reset" && find(".predict")) askAgain(find);
      if (target.dataset.do) keepState(section);
    });
  }

  // ---- The state of a thing stands in the address: #plane?rate=10&size=1 ----

  function nameOf(section) {
    return section.id.replace("play-", "");
  }

  function inputsOf(section) {
    const inputs = [...section.querySelectorAll("input[name]")];
    const own = inputs.filter(({ name }) => !name.startsWith("guess"));
    return own.map((input) => [input.name.replace(`${nameOf(section)}-`, ""), input]);
  }

  function keepState(section) {
    const state = new URLSearchParams();
    for (const [key, input] of inputsOf(section)) {
      if (input.type !== "radio" || input.checked) state.set(key, input.value);
    }
    history.replaceState(null, "", `#${nameOf(section)}?${state}`);
  }

  function openAddress(only) {
    const [id, query] = location.hash.slice(1).split("?");
    const chapter = id.replace(/^\d+-/, ""); // ids had the chapters' numbers once
    if (chapter !== id) return location.replace(`#${chapter}`);
    const section = document.getElementById(`play-${id}`);
    if (!section || (query === undefined && document.getElementById(id)) || (only && only !== id)) return;
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
  if (/^#\d+-/.test(location.hash)) openAddress();

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

  // As it can be typed into Python's own shell: no blank line within a block, and one after it.
  function typed(code) {
    const clone = code.cloneNode(true);
    for (const node of clone.querySelectorAll(".gp, .go")) node.remove();
    const lines = clone.textContent.split("\n").filter((line) => line.trim());
    const goesOn = /^(\s|[)\]}]|(else|elif|except|finally)\b)/;
    return lines.flatMap((line, i) => {
      const next = lines[i + 1] || "";
      return line.startsWith(" ") && !goesOn.test(next) ? [line, ""] : [line];
    }).join("\n") + "\n";
  }

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
      copy(typed(code));
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
