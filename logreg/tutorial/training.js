
// Softmax regression as it learns, early stopping, and the tutorial's run in a worker.

// Rows of nIn numbers, one after the other, and their labels. Most pixels of a digit are 0: `values`
// are the others, in row i from starts[i] on, and `places` where the weights of each begin.
class Rows {
  constructor(x, nIn, nOut, y = []) {
    const starts = new Uint32Array(x.length / nIn + 1);
    const values = x.slice(), places = new Uint16Array(x.length);
    let n = 0;
    for (let i = 0; i < starts.length - 1; i++) {
      for (let j = 0; j < nIn; j++) {
        const value = x[i * nIn + j];
        if (value) [values[n], places[n++]] = [value, nOut * j];
      }
      starts[i + 1] = n;
    }
    Object.assign(this, { y, values, places, starts, nOut });
  }

  // Row i times W. Ten sums, written out, take a fourth of a loop's time; of fewer classes, the last
  // sums are made of the next weights, and left out.
  times(W, i) {
    const { values, places, starts, nOut } = this, end = starts[i + 1];
    let z0 = 0, z1 = 0, z2 = 0, z3 = 0, z4 = 0, z5 = 0, z6 = 0, z7 = 0, z8 = 0, z9 = 0;
    for (let m = starts[i]; m < end; m++) {
      const value = values[m], at = places[m];
      z0 += value * W[at];
      z1 += value * W[at + 1];
      z2 += value * W[at + 2];
      z3 += value * W[at + 3];
      z4 += value * W[at + 4];
      z5 += value * W[at + 5];
      z6 += value * W[at + 6];
      z7 += value * W[at + 7];
      z8 += value * W[at + 8];
      z9 += value * W[at + 9];
    }
    return [z0, z1, z2, z3, z4, z5, z6, z7, z8, z9].slice(0, nOut);
  }

  // Adds row i times d, a number for each class, to gW.
  addTo(gW, i, d) {
    const { values, places, starts } = this, end = starts[i + 1];
    const [d0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0, d6 = 0, d7 = 0, d8 = 0, d9 = 0] = d;
    for (let m = starts[i]; m < end; m++) {
      const value = values[m], at = places[m];
      gW[at] += value * d0;
      gW[at + 1] += value * d1;
      gW[at + 2] += value * d2;
      gW[at + 3] += value * d3;
      gW[at + 4] += value * d4;
      gW[at + 5] += value * d5;
      gW[at + 6] += value * d6;
      gW[at + 7] += value * d7;
      gW[at + 8] += value * d8;
      gW[at + 9] += value * d9;
    }
  }
}

class Model {
  // x is multiplied by the scale, as pixels are by 1/256.
  constructor(nIn, nOut, { W, b, scale = 1 } = {}) {
    Object.assign(this, { nOut, nColumns: nOut, scale });
    this.W = W || new Float64Array(nIn * nOut);
    this.b = b || new Float64Array(nOut);
  }

  scores(rows, i = 0) {
    const z = rows.times(this.W, i);
    for (let k = 0; k < z.length; k++) z[k] = this.scale * z[k] + this.b[k];
    return z;
  }

  // Guess - truth, of row i.
  gap(rows, i) {
    const gap = softmax(this.scores(rows, i));
    gap[rows.y[i]] -= 1;
    return gap;
  }

  // One step on the rows from first to end: down the gradient of the mean of -log p.
  step(rows, first, end, rate, decay = 0) {
    const { W, b, scale } = this, gW = new Float64Array(W.length), gb = new Float64Array(b.length);
    for (let i = first; i < end; i++) {
      const gap = this.gap(rows, i);
      rows.addTo(gW, i, gap);
      for (let k = 0; k < gb.length; k++) gb[k] += gap[k];
    }
    const factor = rate / (end - first);
    gW.forEach((value, i) => { W[i] -= factor * scale * value + 2 * rate * decay * W[i]; });
    gb.forEach((value, k) => { b[k] -= factor * value; });
  }

  cost(rows, first, end) {
    let sum = 0;
    for (let i = first; i < end; i++) {
      const z = this.scores(rows, i), top = Math.max(...z);
      sum += Math.log(z.reduce((total, value) => total + Math.exp(value - top), 0)) + top - z[rows.y[i]];
    }
    return sum / (end - first);
  }

  // Which of the rows from first to end get another class than their label, counted from first.
  wrong(rows, first, end) {
    const wrong = [];
    for (let i = first; i < end; i++) {
      if (argmax(this.scores(rows, i)) !== rows.y[i]) wrong.push(i - first);
    }
    return wrong;
  }
}

// As in logreg/early_stopping.py.
class EarlyStopping {
  constructor(patience = 5000, increase = 2, threshold = 0.995) {
    Object.assign(this, { patience, increase, threshold, best: Infinity });
  }

  // Whether this is a new best; on a tie, the first stays the best.
  update(iter, loss) {
    if (!(loss < this.best)) return false;
    const isGain = loss < this.best * this.threshold;
    if (isGain) this.patience = Math.max(this.patience, iter * this.increase);
    this.best = loss;
    return true;
  }

  isOver(iter) { return this.patience <= iter; }
}

// The mean of up to 128 numbers to NumPy's last bit, which adds them up in eight sums. On MNIST it
// decides, in epoch 62, whether as many errors as before are a new best.
function mean(values) {
  const nEights = values.length - (values.length % 8), sums = new Float64Array(8);
  for (let i = 0; i < nEights; i++) sums[i % 8] += values[i];
  const [a, b, c, d, e, f, g, h] = sums;
  return values.slice(nEights).reduce((total, value) => total + value, (a + b + (c + d)) + (e + f + (g + h))) / values.length;
}

// What the worker does. A message begins a run: of `train`, x as bytes and y, the rows from nTrain on
// validate, and `test` may be missing. Each message without data asks for the next epoch.
function work() {
  let run = null;

  function errorOf(rows, first = 0) {
    const { model, size } = run, errors = [];
    for (let i = first; i + size <= rows.y.length; i += size) {
      errors.push(model.wrong(rows, i, i + size).length / size);
    }
    return mean(errors);
  }

  function epoch() {
    const { model, stopping, size, rate, rows, nTrain, test } = run;
    const nBatches = Math.floor(nTrain / size), told = { nBatches, epoch: run.epoch += 1 };
    for (let i = 0; i < nBatches && !told.isOver; i++, run.iter++) {
      model.step(rows, i * size, (i + 1) * size, rate);
      if (i === nBatches - 1) {
        told.valid = errorOf(rows, nTrain);
        if (stopping.update(run.iter, told.valid) && test) told.test = run.bestTest = errorOf(test);
      }
      told.isOver = stopping.isOver(run.iter);
    }
    told.isOver = told.isOver || run.epoch === run.nEpochs;
    return { ...told, W: model.W, b: model.b, best: stopping.best, bestTest: run.bestTest };
  }

  function begin(data) {
    const rowsOf = ([x, y]) => new Rows(x, 784, 10, y);
    const [rows, test] = [rowsOf(data.train), data.test && rowsOf(data.test)];
    const model = new Model(784, 10, { scale: 1 / 256 }), stopping = new EarlyStopping();
    run = { ...data, rows, test, model, stopping, epoch: 0, iter: 0 };
  }

  onmessage = ({ data }) => {
    if (data) begin(data);
    else postMessage(epoch());
  };
}

// The page is one file: so the worker's script is made of its functions.
function makeWorker() {
  const script = [softmax, argmax, Rows, Model, EarlyStopping, mean, work].join("\n") + "\nwork();";
  return new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
}

// ---- MNIST's files ----

async function unpacked(blob) {
  const [a, b] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const isGzip = a === 0x1f && b === 0x8b;
  const stream = isGzip ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream();
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
