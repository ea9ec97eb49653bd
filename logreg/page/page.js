"use strict";

// The live part of the page. The model comes as JSON in <script id="model">; nothing is sent.
(() => {
  const facts = JSON.parse(document.getElementById("model").textContent);
  if (!facts) return;
  const get = (id) => document.getElementById(id);
  const W = decode(facts.W);
  const b = decode(facts.b);
  const nOut = b.length;
  let pinned = null; // the class whose evidence is shown, if it is not the most probable one
  let last = null; // the features and probabilities that are shown

  // ---- The model: softmax(x W + b) ----

  function decode(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    return facts.dtype === "float64" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  }

  function probabilities(x) {
    const z = Float64Array.from(b);
    for (let i = 0; i < x.length; i++) {
      if (x[i]) for (let k = 0; k < nOut; k++) z[k] += x[i] * W[i * nOut + k];
    }
    const top = Math.max(...z);
    const e = z.map((value) => Math.exp(value - top));
    const sum = e.reduce((total, value) => total + value, 0);
    return e.map((value) => value / sum);
  }

  // ---- A picture made like the training images: the steps of logreg/datasets/pictures.py ----

  const BOX = 20 / 28, CONTRAST = 20, NOISE = 6, TO_DEVIATION = 1.48;
  const TIGHT = 60, SPECK = 0.02, STROKE = 0.08, SIDE = 1000;

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

  // The colours of RGBA pixels before a paper of one grey level, three values a pixel.
  function onPaper({ data, width, height }, paper) {
    const rgb = new Uint8Array(3 * width * height);
    for (let from = 0, to = 0; from < data.length; from += 4) {
      const alpha = data[from + 3];
      for (let c = 0; c < 3; c++) {
        const value = data[from + c];
        rgb[to++] = alpha === 255 ? value : Math.round((value * alpha + paper * (255 - alpha)) / 255);
      }
    }
    return rgb;
  }

  // The indices of the pixels within `margin` of the border.
  function frame(width, height, margin) {
    const found = [];
    for (let i = 0; i < width * height; i++) {
      const x = i % width, y = (i - x) / width;
      if (Math.min(x, y, width - 1 - x, height - 1 - y) < margin) found.push(i);
    }
    return found;
  }

  // Fit planes to the border, since paper is never lit evenly; give their values and their noise.
  function fitPaper(rgb, width, height) {
    const centred = (value, n) => (2 * value) / Math.max(n - 1, 1) - 1;
    const at = (i) => {
      const x = i % width, y = (i - x) / width;
      return [1, centred(x, width), centred(y, height)];
    };
    const border = frame(width, height, Math.max(1, Math.floor(Math.min(height, width) / 50)));
    let planes = [0, 1, 2].map((c) => [percentile(border.map((i) => rgb[3 * i + c]), 50), 0, 0]);
    const paper = (i, c) => {
      const [level, slope, rise] = planes[c], x = i % width;
      return level + slope * centred(x, width) + rise * centred((i - x) / width, height);
    };
    const farthest = (i) => Math.max(...[0, 1, 2].map((c) => Math.abs(rgb[3 * i + c] - paper(i, c))));
    let rest = border.map(farthest);
    for (let round = 0; round < 4; round++) {
      const limit = Math.max(4 * TO_DEVIATION * percentile(rest, 50), 2);
      const near = border.filter((_, j) => rest[j] <= limit);
      if (rest.every((value) => value === 0 || value > limit)) { // clean paper, as the pad's
        const flat = planes.map((plane) => plane[0]);
        if (planes.every((plane) => !plane[1] && !plane[2])) return [(_, c) => flat[c], 0];
      }
      planes = [0, 1, 2].map((c) => leastSquares(near.map(at), near.map((i) => rgb[3 * i + c])));
      rest = border.map(farthest);
    }
    return [paper, TO_DEVIATION * percentile(rest, 50)];
  }

  // Coefficients of three columns by the normal equations, solved by Gaussian elimination.
  function leastSquares(rows, values) {
    const A = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? 1e-6 : 0)).concat(0));
    rows.forEach((row, n) => {
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 3; j++) A[i][j] += row[i] * row[j];
        A[i][3] += row[i] * values[n];
      }
    });
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        if (i === j) continue;
        const factor = A[j][i] / A[i][i];
        for (let k = i; k < 4; k++) A[j][k] -= factor * A[i][k];
      }
    }
    return A.map((row, i) => row[3] / row[i]);
  }

  // The ink as grey levels; null if there is none.
  function findInk(rgb, width, height, paper, noise) {
    const ink = new Float32Array(width * height), least = Math.max(CONTRAST, NOISE * noise);
    for (let i = 0; i < ink.length; i++) {
      let most = 0;
      for (let c = 0; c < 3; c++) most = Math.max(most, Math.abs(rgb[3 * i + c] - paper(i, c)));
      if (most > least) ink[i] = most;
    }
    const inked = ink.filter((value) => value > 0);
    if (!inked.length) return null;
    const factor = 255 / percentile(inked, 90);
    for (let i = 0; i < ink.length; i++) if (ink[i]) ink[i] = Math.min(ink[i] * factor, 255);
    dropSpecks(ink, width);
    return { ink: ink.map(round), width, height };
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
    const most = blots.reduce((top, { amount }) => Math.max(top, amount), 0);
    for (const { blot, amount } of blots) {
      if (amount < SPECK * most) for (const i of blot) ink[i] = 0;
    }
  }

  // A part of an image, of some width and height from x and y on; beyond its border there is no ink.
  function part({ ink, width, height }, x, y, newWidth, newHeight) {
    const out = new Uint8Array(newWidth * newHeight);
    for (let i = 0; i < out.length; i++) {
      const column = x + (i % newWidth), row = y + Math.floor(i / newWidth);
      const isInside = column >= 0 && row >= 0 && column < width && row < height;
      if (isInside) out[i] = ink[row * width + column];
    }
    return { ink: out, width: newWidth, height: newHeight };
  }

  function crop(found) {
    const { ink, width } = found;
    let left = width, right = 0, top = found.height, bottom = 0;
    for (let i = 0; i < ink.length; i++) {
      if (!ink[i]) continue;
      const x = i % width, y = (i - x) / width;
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    }
    return part(found, left, top, right - left, bottom - top);
  }

  // Widen strokes that are so thin that scaling would make them fade.
  function widen(cropped) {
    const { ink, width, height } = cropped;
    const isFull = (x, y) => x >= 0 && y >= 0 && x < width && y < height && ink[y * width + x] > 127;
    let nFull = 0, nEdge = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!isFull(x, y)) continue;
        nFull++;
        nEdge += !(isFull(x - 1, y) && isFull(x + 1, y) && isFull(x, y - 1) && isFull(x, y + 1));
      }
    }
    const missing = round(STROKE * Math.max(width, height) - (2 * nFull) / Math.max(1, nEdge));
    if (missing <= 0) return cropped;
    const before = Math.floor(missing / 2);
    const wide = part(cropped, -before, -before, width + missing, height + missing);
    const reach = Math.floor((missing + 1) / 2); // of a window of missing + 1 pixels
    wide.ink = maximum(wide.ink, wide.width, wide.height, 1, wide.width, reach, missing - reach);
    wide.ink = maximum(wide.ink, wide.height, wide.width, wide.width, 1, reach, missing - reach);
    return wide;
  }

  // The largest value of a window along lines of n pixels that are `step` apart.
  function maximum(ink, n, nLines, step, lineStep, before, after) {
    const out = new Uint8Array(ink.length);
    for (let line = 0; line < nLines; line++) {
      for (let i = 0; i < n; i++) {
        let top = 0;
        for (let j = Math.max(0, i - before); j <= Math.min(n - 1, i + after); j++) {
          top = Math.max(top, ink[line * lineStep + j * step]);
        }
        out[line * lineStep + i * step] = top;
      }
    }
    return out;
  }

  // Pillow's resize of 8-bit grey levels with its Hamming filter, in integers of 22 binary places:
  // first along rows, then along columns. Pillow 13 takes tall images the other way round.
  function resize(ink, width, height, newWidth, newHeight) {
    if (height > 2 * width) {
      const low = along(ink, height, width, newHeight, width, 1, width, 1);
      return along(low, width, newHeight, newWidth, 1, width, 1, newWidth);
    }
    const narrow = along(ink, width, height, newWidth, 1, width, 1, newWidth);
    return along(narrow, height, newWidth, newHeight, newWidth, 1, newWidth, 1);
  }

  function along(ink, n, nLines, newN, step, lineStep, newStep, newLineStep) {
    if (n === newN) return ink;
    const scale = n / newN, filterScale = Math.max(scale, 1);
    const out = new Uint8Array(newN * nLines);
    for (let i = 0; i < newN; i++) {
      const centre = (i + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - filterScale + 0.5));
      const end = Math.min(n, Math.trunc(centre + filterScale + 0.5));
      let weights = [];
      for (let j = first; j < end; j++) weights.push(hamming((j - centre + 0.5) / filterScale));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      weights = weights.map((weight) => Math.trunc(0.5 + (weight / sum) * (1 << 22)));
      for (let line = 0; line < nLines; line++) {
        let total = 1 << 21;
        weights.forEach((w, j) => { total += w * ink[line * lineStep + (first + j) * step]; });
        out[line * newLineStep + i * newStep] = Math.min(total >> 22, 255);
      }
    }
    return out;
  }

  function hamming(x) {
    const t = Math.abs(x) * Math.PI;
    return t === 0 ? 1 : t >= Math.PI ? 0 : (Math.sin(t) / t) * (0.54 + 0.46 * Math.cos(t));
  }

  // Scale the ink into the box and place its centre of mass in the field's centre.
  function place(found, height, width) {
    const wide = widen(crop(found));
    const scale = Math.min((BOX * height) / wide.height, (BOX * width) / wide.width);
    const [w, h] = [wide.width, wide.height].map((n) => Math.max(1, round(n * scale)));
    const small = resize(wide.ink, wide.width, wide.height, w, h);
    let mass = 0, sumX = 0, sumY = 0;
    small.forEach((value, i) => {
      mass += value;
      sumX += value * (i % w);
      sumY += value * Math.floor(i / w);
    });
    const clip = (value, most) => Math.min(Math.max(value, 0), most);
    const left = clip(round(width / 2 - sumX / mass), width - w);
    const top = clip(round(height / 2 - sumY / mass), height - h);
    return part({ ink: small, width: w, height: h }, -left, -top, width, height).ink;
  }

  // The pixels that the model is given of a picture, upright.
  function prepare(image) {
    const [height, width] = facts.shape;
    const wantsLight = facts.background === "light";
    const n = image.width * image.height;
    let rgb = onPaper(image, 255);
    const isLike = image.width === width && image.height === height
      && rgb.every((value, i) => value === rgb[i - (i % 3)] && image.data[4 * Math.floor(i / 3) + 3] === 255);
    if (isLike) { // the model's images: it keeps its pixels
      const field = Uint8Array.from({ length: n }, (_, i) => rgb[3 * i]);
      const isEven = field.every((value) => value === field[0]);
      const isLight = percentile(frame(width, height, 1).map((i) => field[i]), 50) > 127;
      return !isEven && isLight !== wantsLight ? field.map((value) => 255 - value) : field;
    }
    const size = [image.width, image.height];
    let found = findInk(rgb, ...size, ...fitPaper(rgb, ...size));
    if (!found) {
      rgb = onPaper(image, 0);
      found = findInk(rgb, ...size, ...fitPaper(rgb, ...size));
    }
    if (!found) {
      const grey = Float32Array.from({ length: n }, (_, i) => (rgb[3 * i] + rgb[3 * i + 1] + rgb[3 * i + 2]) / 3);
      const mean = grey.reduce((sum, value) => sum + value, 0) / n;
      if (Math.sqrt(grey.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n) > TIGHT) {
        const paper = [0, 1, 2].map((c) => percentile(rgb.filter((_, i) => i % 3 === c), 98));
        found = findInk(rgb, ...size, (_, c) => paper[c], 0);
      }
    }
    if (!found) return new Uint8Array(width * height).fill(wantsLight ? 255 : 0);
    const field = place(found, height, width);
    return wantsLight ? field.map((value) => 255 - value) : field;
  }

  // ---- What is shown: the class, the probabilities as bars, the evidence ----

  const bars = facts.labels.map((label, k) => {
    const row = document.createElement("button");
    row.type = "button";
    row.className = "bar";
    for (const name of ["name", "track", "percent"]) {
      row.appendChild(document.createElement("span")).className = name;
    }
    row.querySelector(".name").textContent = label;
    row.querySelector(".track").appendChild(document.createElement("i"));
    row.addEventListener("click", () => { pinned = pinned === k ? null : k; show(); });
    return get("bars").appendChild(row);
  });

  // Show what the model says of a row of features, or of the last one again.
  function show(x = last && last.x) {
    if (!x) return;
    const p = probabilities(x);
    last = { x, p };
    const best = p.indexOf(Math.max(...p));
    const order = [...p.keys()].sort((i, j) => p[j] - p[i]);
    bars.forEach((row, k) => {
      row.dataset.probability = p[k];
      row.querySelector("i").style.width = `${100 * p[k]}%`;
      row.querySelector(".percent").textContent = `${(100 * p[k]).toFixed(1)} %`;
      row.classList.toggle("best", k === best);
      row.setAttribute("aria-pressed", k === pinned);
      row.hidden = nOut > 20 && order.indexOf(k) >= 20;
      if (nOut > 20) row.style.order = order.indexOf(k);
    });
    get("class").textContent = facts.labels[best];
    get("class").dataset.index = best;
    if (facts.shape) showEvidence(x, pinned === null ? best : pinned);
  }

  const COLOURS = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]];

  function showEvidence(x, k) {
    const evidence = Array.from(x, (value, i) => {
      let mean = 0;
      for (let j = 0; j < nOut; j++) mean += W[i * nOut + j] / nOut;
      return value * (W[i * nOut + k] - mean);
    });
    const most = Math.max(...evidence.map(Math.abs)) || 1;
    paint(get("evidence"), upright(evidence).map((value) => {
      const place = 2 + (2 * value) / most;
      const low = Math.min(Math.floor(place), 3);
      return COLOURS[low].map((c, j) => c + (COLOURS[low + 1][j] - c) * (place - low));
    }));
    get("evidence").setAttribute("aria-label", `evidence for ${facts.labels[k]}`);
    get("evidence-class").textContent = facts.labels[k];
  }

  // Exchange rows and columns where the model's images have them exchanged, as EMNIST's.
  function upright(row) {
    const [height, width] = facts.shape;
    if (!facts.transposed) return row;
    return row.map((_, i) => row[(i % width) * height + Math.floor(i / width)]);
  }

  function asStored(pixels) {
    const [height, width] = facts.shape;
    if (!facts.transposed) return pixels;
    return pixels.map((_, i) => pixels[(i % height) * width + Math.floor(i / height)]);
  }

  function paint(canvas, colours) {
    [canvas.height, canvas.width] = facts.shape;
    const image = new ImageData(canvas.width, canvas.height);
    colours.forEach((colour, i) => image.data.set([...colour, 255], 4 * i));
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // ---- A table: a field for each column ----

  function readFields() {
    const x = Float64Array.from(facts.means);
    for (const field of document.querySelectorAll("#fields [data-feature]")) {
      const first = Number(field.dataset.feature);
      if (field.tagName === "SELECT") {
        for (let i = 0; i < field.options.length; i++) x[first + i] = i === field.selectedIndex ? 1 : 0;
      } else if (Number.isFinite(field.valueAsNumber)) {
        x[first] = field.valueAsNumber;
      }
    }
    show(x.map((value, i) => (value - facts.shifts[i]) / facts.scales[i]));
  }

  if (!facts.shape) {
    get("fields").addEventListener("input", readFields);
    get("fields").addEventListener("reset", () => setTimeout(readFields));
    readFields();
    return;
  }

  // ---- Images: a pad ----

  const pad = get("pad"), pen = get("pen");
  const context = pad.getContext("2d", { willReadFrequently: true });
  let strokes = []; // of {width, points}
  let picture = null; // a canvas that lies below the strokes
  let width = 20, isWaiting = false;
  const cursor = { x: 140, y: 140, isDown: false };

  function drawStroke({ width, points }) {
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
    context.stroke();
  }

  function redraw() {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, pad.width, pad.height);
    if (picture) {
      const scale = Math.min(pad.width / picture.width, pad.height / picture.height);
      const [w, h] = [picture.width * scale, picture.height * scale];
      context.imageSmoothingEnabled = scale < 1;
      context.drawImage(picture, (pad.width - w) / 2, (pad.height - h) / 2, w, h);
    }
    strokes.forEach(drawStroke);
  }

  // Bring what is shown up to date, once a frame.
  function update() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      redraw();
      const from = picture && !strokes.length ? picture : pad;
      let pixels = prepare(from.getContext("2d").getImageData(0, 0, from.width, from.height));
      if (get("invert").getAttribute("aria-pressed") === "true") pixels = pixels.map((value) => 255 - value);
      paint(get("seen"), Array.from(pixels, (value) => [value, value, value]));
      show(Float64Array.from(asStored(pixels), (value) => value * facts.scale));
    });
  }

  function begin(x, y) {
    strokes.push({ width, points: [[x, y]] });
    update();
  }

  function extend(x, y) {
    if (!strokes.length) return begin(x, y);
    strokes[strokes.length - 1].points.push([x, y]);
    update();
  }

  // Show a picture: a canvas, an <img> or an ImageBitmap.
  function load(image) {
    const [w, h] = [image.naturalWidth || image.width, image.naturalHeight || image.height];
    const scale = Math.min(1, SIDE / Math.max(w, h));
    picture = document.createElement("canvas");
    picture.width = Math.max(1, round(w * scale));
    picture.height = Math.max(1, round(h * scale));
    const below = picture.getContext("2d", { willReadFrequently: true });
    below.imageSmoothingQuality = "high";
    below.drawImage(image, 0, 0, picture.width, picture.height);
    strokes = [];
    update();
  }

  function position(event) {
    const box = pad.getBoundingClientRect();
    const scale = pad.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  let isDrawing = false;
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

  const actions = {
    undo: () => { if (!strokes.pop()) picture = null; update(); },
    clear: () => { strokes = []; picture = null; update(); },
    thicker: () => setWidth(width + 4),
    thinner: () => setWidth(width - 4),
    invert: () => {
      const isOn = get("invert").getAttribute("aria-pressed") === "true";
      get("invert").setAttribute("aria-pressed", !isOn);
      update();
    },
  };
  for (const [name, action] of Object.entries(actions)) get(name).addEventListener("click", action);

  function setWidth(value) {
    width = Math.min(Math.max(value, 4), 48);
    get("width").textContent = width;
  }

  // The arrow keys move the pen, and space puts it down or lifts it.
  pad.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-7, 0], ArrowRight: [7, 0], ArrowUp: [0, -7], ArrowDown: [0, 7] }[event.key];
    const keys = { Escape: "clear", Backspace: "undo", "+": "thicker", "-": "thinner", i: "invert" };
    if (move) {
      cursor.x = Math.min(Math.max(cursor.x + move[0], 0), pad.width);
      cursor.y = Math.min(Math.max(cursor.y + move[1], 0), pad.height);
      if (cursor.isDown) extend(cursor.x, cursor.y);
    } else if (event.key === " ") {
      cursor.isDown = !cursor.isDown;
      if (cursor.isDown) begin(cursor.x, cursor.y);
    } else if (keys[event.key]) {
      cursor.isDown = false;
      actions[keys[event.key]]();
    } else return;
    event.preventDefault();
    pen.hidden = false;
    pen.classList.toggle("down", cursor.isDown);
    pen.style.left = `${(100 * cursor.x) / pad.width}%`;
    pen.style.top = `${(100 * cursor.y) / pad.height}%`;
  });

  get("file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    try {
      load(await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }));
      get("file-error").textContent = "";
    } catch (error) {
      get("file-error").textContent = `${file.name} cannot be read as a picture: save it as PNG`;
    }
    event.target.value = "";
  });
  for (const image of document.querySelectorAll(".to-pad img")) {
    image.parentElement.addEventListener("click", () => {
      load(image);
      get("draw").scrollIntoView();
    });
  }
  setWidth(width);
  update();
})();
