
// A pad to draw on, for the page of a model and for the tutorial.
//
//   const pad = makePad(canvas, onChange, { size: [28, 28] });
//
// onChange() is called at the next frame after what is drawn, or how, has changed, and once at the
// beginning. size is the height and width of the images that the model knows. Drawn is black on
// white; with isLight, the images have a light background, too. keys are more keys of the pad, and
// what they call, as {i: "invert"}.
//
//   pad.pixels()     what the model is given: size[0] * size[1] numbers from 0 to 255
//   pad.isEmpty()    whether nothing is drawn
//   pad.load(image)  shows an <img> of that size, and gives its pixels as they are
//   pad.draw(strokes)  draws {width, points} in the pad's 280 pixels, in place of what is there
//   pad.clear(), pad.undo(), pad.invert(), pad.thicker(), pad.thinner()
//   pad.isInverted, pad.penWidth
//   pad.isCentred    whether strokes are cropped, scaled and centred as MNIST's are; if not, they
//                    stay where they are, and as large as they are
//
// The canvas stands alone in an element: in that, the pen of the keyboard is shown.
const makePad = (() => {
  const SIDE = 280; // of the canvas, in pixels
  const KEYS = { Escape: "clear", Backspace: "undo", "+": "thicker", "-": "thinner" };
  const MOVES = { ArrowLeft: [-7, 0], ArrowRight: [7, 0], ArrowUp: [0, -7], ArrowDown: [0, 7] };
  const PEN = `position: absolute; width: 1rem; height: 1rem; margin: -.5rem; border-radius: 50%;
    border: 2px solid #0063a5; pointer-events: none`;
  const SAID = "Drawing pad. The arrow keys move the pen, space puts it down or lifts it, backspace " +
    "undoes, escape clears.";

  const clip = (value, least, most) => Math.min(Math.max(value, least), most);

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
  function findInk({ values: darkness, width, height }) {
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

  function resize(image, height, width) {
    return transpose(resizeRows(transpose(resizeRows(image, width)), height));
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
    const small = resize(wide, h, w);
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

  // Scale the whole pad, with its aspect kept, into the middle of the field.
  function fit(drawn, height, width) {
    const side = Math.min(height, width), small = resize(drawn, side, side);
    const left = round((width - side) / 2), top = round((height - side) / 2);
    return part(small, -left, -top, width, height).values;
  }

  // ---- The pad ----

  return (canvas, onChange, { size: [height, width], isLight = false, isCentred = true, keys = {} }) => {
    canvas.width = canvas.height = SIDE;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", SAID);
    canvas.style.touchAction = "none";
    canvas.parentElement.style.position = "relative";
    const pen = canvas.parentElement.appendChild(document.createElement("span"));
    pen.style.cssText = PEN;
    pen.hidden = true;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const cursor = { x: SIDE / 2, y: SIDE / 2, isDown: false };
    let strokes = []; // of {width, points}
    let picture = null; // an <img> in their place, which the next stroke removes
    let isDrawing = false, isWaiting = false;

    function change() {
      if (isWaiting) return;
      isWaiting = true;
      requestAnimationFrame(() => {
        isWaiting = false;
        redraw();
        onChange();
      });
    }

    function redraw() {
      context.fillStyle = "#fff";
      context.fillRect(0, 0, SIDE, SIDE);
      context.imageSmoothingEnabled = false;
      context.lineCap = context.lineJoin = "round";
      if (picture) context.drawImage(picture, 0, 0, SIDE, SIDE);
      for (const { width, points } of strokes) {
        context.lineWidth = width;
        context.beginPath();
        context.moveTo(points[0][0], points[0][1] - 0.01); // so that a dot has a length
        for (const point of points) context.lineTo(...point);
        context.stroke();
      }
    }

    function pixelsOfStrokes() {
      const { data } = context.getImageData(0, 0, SIDE, SIDE);
      const values = Float32Array.from({ length: SIDE * SIDE }, (_, i) => 255 - data[4 * i]);
      const drawn = { values, width: SIDE, height: SIDE };
      if (!pad.isCentred) return fit(drawn, height, width);
      const ink = findInk(drawn);
      return ink ? place(ink, height, width) : new Uint8Array(width * height);
    }

    function pixelsOfPicture() {
      const small = document.createElement("canvas");
      [small.height, small.width] = [height, width];
      small.getContext("2d").drawImage(picture, 0, 0);
      const { data } = small.getContext("2d").getImageData(0, 0, width, height);
      return Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
    }

    const pad = {
      penWidth: 20,
      isInverted: false,
      isCentred,
      isEmpty: () => !picture && !strokes.length,
      pixels() {
        const pixels = picture ? pixelsOfPicture() : pixelsOfStrokes();
        const isOther = pad.isInverted !== (isLight && !picture);
        return isOther ? pixels.map((value) => 255 - value) : pixels;
      },
      load(image) { picture = image; strokes = []; lift(); change(); },
      draw(given) {
        picture = null;
        strokes = given.map(({ width, points }) => ({ width, points: [...points] }));
        lift();
        change();
      },
      clear() { pad.draw([]); },
      undo() { picture = null; strokes.pop(); lift(); change(); },
      invert() { pad.isInverted = !pad.isInverted; change(); },
      thicker() { pad.penWidth = Math.min(pad.penWidth + 4, 48); change(); },
      thinner() { pad.penWidth = Math.max(pad.penWidth - 4, 4); change(); },
    };

    function lift() {
      isDrawing = cursor.isDown = false;
    }

    function begin(x, y) {
      picture = null;
      strokes.push({ width: pad.penWidth, points: [[x, y]] });
      change();
    }

    function extend(x, y) {
      if (!strokes.length) return begin(x, y);
      strokes[strokes.length - 1].points.push([x, y]);
      change();
    }

    function position(event) {
      const box = canvas.getBoundingClientRect();
      const scale = SIDE / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    }

    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      isDrawing = true;
      begin(...position(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!isDrawing) return;
      const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const part of events.length ? events : [event]) extend(...position(part));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => { isDrawing = false; });
    }
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const move = MOVES[event.key], action = { ...KEYS, ...keys }[event.key];
      if (move) {
        cursor.x = clip(cursor.x + move[0], 0, SIDE);
        cursor.y = clip(cursor.y + move[1], 0, SIDE);
        if (cursor.isDown) extend(cursor.x, cursor.y);
      } else if (event.key === " ") {
        cursor.isDown = !cursor.isDown;
        if (cursor.isDown) begin(cursor.x, cursor.y);
      } else if (action) {
        pad[action]();
      } else return;
      event.preventDefault();
      pen.hidden = false;
      pen.style.background = cursor.isDown ? "#0063a5" : "none";
      pen.style.left = `${(100 * cursor.x) / SIDE}%`;
      pen.style.top = `${(100 * cursor.y) / SIDE}%`;
    });
    change();
    return pad;
  };
})();
