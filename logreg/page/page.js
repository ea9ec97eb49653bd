"use strict";

// The live part of the page. The model comes as JSON in <script id="model">; nothing is sent.
(() => {
  const facts = JSON.parse(document.getElementById("model").textContent);
  if (!facts) return;
  const get = (id) => document.getElementById(id);
  const clip = (value, least, most) => Math.min(Math.max(value, least), most);

  // ---- The model: softmax(x W + b) ----

  const W = decode(facts.W);
  const b = decode(facts.b);
  const nOut = b.length;

  function decode(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    return facts.dtype === "float64" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  }

  // The features that the model takes of a row as the user knows it.
  function ready(row) {
    const { scale, shifts, scales } = facts;
    return Float64Array.from(row, (value, i) => (scale * value - shifts[i]) / scales[i]);
  }

  function probabilities(x) {
    const z = Float64Array.from(b);
    x.forEach((value, i) => {
      for (let k = 0; k < nOut; k++) z[k] += value * W[i * nOut + k];
    });
    const top = Math.max(...z);
    const e = z.map((value) => Math.exp(value - top));
    const sum = e.reduce((total, value) => total + value, 0);
    return e.map((value) => value / sum);
  }

  // ---- What is shown: the class, the probabilities as bars, the evidence ----

  let pinned = null; // the class whose evidence is shown, if it is not the most probable one
  let shown = null; // the features that are shown

  const bars = facts.labels.map((label, k) => {
    const bar = document.createElement("button");
    bar.className = "bar";
    for (const name of ["name", "track", "percent"]) {
      bar.appendChild(document.createElement("span")).className = name;
    }
    bar.querySelector(".name").textContent = label;
    bar.querySelector(".track").appendChild(document.createElement("i"));
    bar.addEventListener("click", () => {
      pinned = pinned === k ? null : k;
      show(shown);
    });
    return get("bars").appendChild(bar);
  });

  function show(x) {
    shown = x;
    const p = probabilities(x);
    const order = [...p.keys()].sort((i, j) => p[j] - p[i]);
    order.forEach((k, place) => {
      const bar = bars[k];
      bar.dataset.probability = p[k];
      bar.querySelector("i").style.width = `${100 * p[k]}%`;
      bar.querySelector(".percent").textContent = `${(100 * p[k]).toFixed(1)} %`;
      bar.classList.toggle("best", place === 0);
      bar.setAttribute("aria-pressed", k === pinned);
      if (nOut > 20) { // the most probable ones
        bar.style.order = place;
        bar.hidden = place >= 20;
      }
    });
    get("class").textContent = facts.labels[order[0]];
    get("class").dataset.index = order[0];
    if (facts.shape) showEvidence(x, pinned === null ? order[0] : pinned);
  }

  const COLOURS = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]];

  function showEvidence(x, k) {
    const evidence = x.map((value, i) => {
      const weights = W.subarray(i * nOut, (i + 1) * nOut);
      return value * (weights[k] - weights.reduce((sum, w) => sum + w, 0) / nOut);
    });
    const most = evidence.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
    paint(get("evidence"), exchange(evidence, [...facts.shape].reverse()), (value) => {
      const place = 2 + (2 * value) / most;
      const low = Math.min(Math.floor(place), 3);
      return COLOURS[low].map((c, j) => c + (COLOURS[low + 1][j] - c) * (place - low));
    });
    get("evidence").setAttribute("aria-label", `evidence for ${facts.labels[k]}`);
    get("evidence-class").textContent = facts.labels[k];
  }

  function paint(canvas, values, colour) {
    [canvas.height, canvas.width] = facts.shape;
    const image = new ImageData(canvas.width, canvas.height);
    values.forEach((value, i) => image.data.set([...colour(value), 255], 4 * i));
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // ---- A table: a field for each column ----

  function readFields() {
    const row = Float64Array.from(facts.means);
    for (const field of document.querySelectorAll("#fields [data-feature]")) {
      const first = Number(field.dataset.feature);
      if (field.tagName === "SELECT") {
        for (let i = 0; i < field.length; i++) row[first + i] = Number(i === field.selectedIndex);
      } else if (Number.isFinite(field.valueAsNumber)) { // an empty one stays at the mean
        row[first] = field.valueAsNumber;
      }
    }
    show(ready(row));
  }

  if (!facts.shape) {
    get("fields").addEventListener("input", readFields);
    get("fields").addEventListener("reset", () => setTimeout(readFields));
    readFields();
    return;
  }

  // ---- Strokes made like the training images: the steps of logreg/datasets/pictures.py ----
  // An image is {values, width, height}, row by row.

  const BOX = 20 / 28, CONTRAST = 20, SPECK = 0.02, STROKE = 0.08;

  // To the nearest integer, halves to the even one, as Python and NumPy round.
  function round(value) {
    const low = Math.floor(value);
    const rest = value - low;
    return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  }

  function percentile(values, percent) {
    const sorted = Float64Array.from(values).sort();
    const place = ((sorted.length - 1) * percent) / 100;
    const low = Math.floor(place);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  }

  function transpose({ values, width, height }) {
    const place = (i) => (i % height) * width + Math.floor(i / height);
    return { values: values.map((_, i) => values[place(i)]), width: height, height: width };
  }

  // A part from x and y on; beyond the border there is no ink.
  function part({ values, width, height }, x, y, newWidth, newHeight) {
    const out = new Uint8Array(newWidth * newHeight);
    for (let i = 0; i < out.length; i++) {
      const column = x + (i % newWidth), row = y + Math.floor(i / newWidth);
      const isInside = column >= 0 && row >= 0 && column < width && row < height;
      if (isInside) out[i] = values[row * width + column];
    }
    return { values: out, width: newWidth, height: newHeight };
  }

  // The ink of black strokes on white paper; null if there is none.
  function findInk({ data, width, height }) {
    const darkness = Float32Array.from({ length: width * height }, (_, i) => 255 - data[4 * i]);
    const inked = darkness.filter((value) => value > CONTRAST);
    if (!inked.length) return null;
    const factor = 255 / percentile(inked, 90);
    const ink = darkness.map((value) => (value > CONTRAST ? Math.min(value * factor, 255) : 0));
    dropSpecks(ink, width);
    return { values: Uint8Array.from(ink, round), width, height };
  }

  // Remove the blots that have little ink beside the largest; diagonal neighbours are of one blot.
  function dropSpecks(ink, width) {
    const blots = [];
    const seen = new Uint8Array(ink.length);
    for (let start = 0; start < ink.length; start++) {
      if (!ink[start] || seen[start]) continue;
      const blot = [start];
      let amount = 0;
      seen[start] = 1;
      for (let next = 0; next < blot.length; next++) {
        const i = blot[next], x = i % width;
        amount += ink[i];
        for (let dx = x ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
          for (const j of [i + dx - width, i + dx, i + dx + width]) {
            if (ink[j] && !seen[j]) { seen[j] = 1; blot.push(j); }
          }
        }
      }
      blots.push({ blot, amount });
    }
    const most = Math.max(...blots.map(({ amount }) => amount));
    for (const { blot, amount } of blots) {
      if (amount < SPECK * most) for (const i of blot) ink[i] = 0;
    }
  }

  function crop(image) {
    const { values, width } = image;
    let left = width, right = 0, top = image.height, bottom = 0;
    values.forEach((value, i) => {
      if (!value) return;
      const x = i % width, y = (i - x) / width;
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    });
    return part(image, left, top, right - left, bottom - top);
  }

  // Widen strokes that are so thin that scaling would make them fade.
  function widen(image) {
    const { values, width, height } = image;
    const isFull = (x, y) => x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] > 127;
    let nFull = 0, nEdge = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!isFull(x, y)) continue;
        nFull++;
        nEdge += !(isFull(x - 1, y) && isFull(x + 1, y) && isFull(x, y - 1) && isFull(x, y + 1));
      }
    }
    const missing = round(STROKE * Math.max(width, height) - (2 * nFull) / Math.max(1, nEdge));
    if (missing <= 0) return image;
    const before = Math.floor(missing / 2);
    const wide = part(image, -before, -before, width + missing, height + missing);
    return transpose(spreadRows(transpose(spreadRows(wide, missing)), missing));
  }

  // The largest value of a window of missing + 1 pixels in a row.
  function spreadRows({ values, width, height }, missing) {
    const before = Math.floor((missing + 1) / 2), after = missing - before;
    const out = values.map((_, i) => {
      const x = i % width;
      let top = 0;
      for (let j = i - Math.min(before, x); j <= i + Math.min(after, width - 1 - x); j++) {
        top = Math.max(top, values[j]);
      }
      return top;
    });
    return { values: out, width, height };
  }

  // Pillow's resize with its Hamming filter, in integers of 22 binary places, along the rows.
  function resizeRows({ values, width, height }, newWidth) {
    const scale = width / newWidth, reach = Math.max(scale, 1);
    const out = new Uint8Array(newWidth * height);
    for (let x = 0; x < newWidth; x++) {
      const centre = (x + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - reach + 0.5));
      const end = Math.min(width, Math.trunc(centre + reach + 0.5));
      let weights = [];
      for (let i = first; i < end; i++) weights.push(hamming((i - centre + 0.5) / reach));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      weights = weights.map((weight) => Math.trunc(0.5 + (weight / sum) * (1 << 22)));
      for (let y = 0; y < height; y++) {
        let total = 1 << 21;
        weights.forEach((weight, i) => { total += weight * values[y * width + first + i]; });
        out[y * newWidth + x] = Math.min(total >> 22, 255);
      }
    }
    return { values: out, width: newWidth, height };
  }

  function hamming(x) {
    const t = Math.abs(x) * Math.PI;
    return t === 0 ? 1 : t >= Math.PI ? 0 : (Math.sin(t) / t) * (0.54 + 0.46 * Math.cos(t));
  }

  // Scale the ink into the box and place its centre of mass in the field's centre.
  function place(ink, height, width) {
    const wide = widen(crop(ink));
    const scale = Math.min((BOX * height) / wide.height, (BOX * width) / wide.width);
    const [w, h] = [wide.width, wide.height].map((n) => Math.max(1, round(n * scale)));
    const small = transpose(resizeRows(transpose(resizeRows(wide, w)), h));
    let mass = 0, sumX = 0, sumY = 0;
    small.values.forEach((value, i) => {
      mass += value;
      sumX += value * (i % w);
      sumY += value * Math.floor(i / w);
    });
    const left = clip(round(width / 2 - sumX / mass), 0, width - w);
    const top = clip(round(height / 2 - sumY / mass), 0, height - h);
    return part(small, -left, -top, width, height).values;
  }

  // ---- The pad ----

  const pad = get("pad"), pen = get("pen");
  const context = pad.getContext("2d", { willReadFrequently: true });
  const cursor = { x: 140, y: 140, isDown: false };
  let strokes = []; // of {width, points}
  let picture = null; // an <img> of the gallery, which the next stroke removes
  let width = 20, isInverted = false, isDrawing = false, isWaiting = false;

  // Bring what is shown up to date, once a frame.
  function update() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      redraw();
      let pixels = picture ? pixelsOf(picture) : pixelsOfStrokes();
      if (isInverted) pixels = pixels.map((value) => 255 - value);
      paint(get("seen"), pixels, (value) => [value, value, value]);
      show(ready(exchange(pixels, facts.shape)));
    });
  }

  function redraw() {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, pad.width, pad.height);
    context.imageSmoothingEnabled = false;
    context.lineCap = context.lineJoin = "round";
    if (picture) context.drawImage(picture, 0, 0, pad.width, pad.height);
    for (const { width, points } of strokes) {
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points) context.lineTo(...point);
      context.stroke();
    }
  }

  function pixelsOfStrokes() {
    const [height, width] = facts.shape;
    const ink = findInk(context.getImageData(0, 0, pad.width, pad.height));
    const pixels = ink ? place(ink, height, width) : new Uint8Array(width * height);
    return facts.background === "light" ? pixels.map((value) => 255 - value) : pixels;
  }

  function pixelsOf(image) {
    const canvas = document.createElement("canvas");
    [canvas.height, canvas.width] = facts.shape;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
  }

  // Rows and columns are exchanged where the model's images have them exchanged, as EMNIST's.
  function exchange(values, [height, width]) {
    return facts.transposed ? transpose({ values, width, height }).values : values;
  }

  function begin(x, y) {
    picture = null;
    strokes.push({ width, points: [[x, y]] });
    update();
  }

  function extend(x, y) {
    if (!strokes.length) return begin(x, y);
    strokes[strokes.length - 1].points.push([x, y]);
    update();
  }

  function replace(image) {
    picture = image;
    strokes = [];
    update();
  }

  function position(event) {
    const box = pad.getBoundingClientRect();
    const scale = pad.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  pad.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pad.setPointerCapture(event.pointerId);
    isDrawing = true;
    begin(...position(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (!isDrawing) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const part of events.length ? events : [event]) extend(...position(part));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    pad.addEventListener(name, () => { isDrawing = false; });
  }

  function setWidth(value) {
    width = clip(value, 4, 48);
    get("width").textContent = width;
  }

  const actions = {
    undo: () => { picture = null; strokes.pop(); update(); },
    clear: () => replace(null),
    thicker: () => setWidth(width + 4),
    thinner: () => setWidth(width - 4),
    invert: () => {
      isInverted = !isInverted;
      get("invert").setAttribute("aria-pressed", isInverted);
      update();
    },
  };
  for (const [name, action] of Object.entries(actions)) get(name).addEventListener("click", action);

  // The arrow keys move the pen, and space puts it down or lifts it.
  pad.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-7, 0], ArrowRight: [7, 0], ArrowUp: [0, -7], ArrowDown: [0, 7] }[event.key];
    const action = { Escape: "clear", Backspace: "undo", "+": "thicker", "-": "thinner", i: "invert" }[event.key];
    if (move) {
      cursor.x = clip(cursor.x + move[0], 0, pad.width);
      cursor.y = clip(cursor.y + move[1], 0, pad.height);
      if (cursor.isDown) extend(cursor.x, cursor.y);
    } else if (event.key === " ") {
      cursor.isDown = !cursor.isDown;
      if (cursor.isDown) begin(cursor.x, cursor.y);
    } else if (action) {
      cursor.isDown = false;
      actions[action]();
    } else return;
    event.preventDefault();
    pen.hidden = false;
    pen.classList.toggle("down", cursor.isDown);
    pen.style.left = `${(100 * cursor.x) / pad.width}%`;
    pen.style.top = `${(100 * cursor.y) / pad.height}%`;
  });

  for (const button of document.querySelectorAll(".to-pad")) {
    button.addEventListener("click", () => {
      replace(button.querySelector("img"));
      get("draw").scrollIntoView();
    });
  }
  setWidth(width);
  update();
})();
