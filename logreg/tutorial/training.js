
// Softmax regression as it learns, early stopping, and the tutorial's run in a worker.

class Model {
  // x is multiplied by the scale, as pixels are by 1/256.
  constructor(nIn, nOut, { W, b, scale = 1 } = {}) {
    Object.assign(this, { nIn, nOut, scale, inked: new Uint16Array(nIn), nInked: 0 });
    this.W = W || new Float64Array(nIn * nOut);
    this.b = b || new Float64Array(nOut);
  }

  // Of row i of x, which has one row after the other. Most pixels are 0; `inked` are the others.
  scores(x, i = 0) {
    const { nIn, nOut, W, b, scale, inked } = this, z = new Float64Array(nOut);
    let n = 0;
    for (let j = 0; j < nIn; j++) if (x[i * nIn + j]) inked[n++] = j;
    for (let m = 0; m < n; m++) {
      const j = inked[m], value = x[i * nIn + j];
      for (let k = 0; k < nOut; k++) z[k] += value * W[j * nOut + k];
    }
    for (let k = 0; k < nOut; k++) z[k] = scale * z[k] + b[k];
    this.nInked = n;
    return z;
  }

  // One step on the rows from first to end: down the gradient of the mean of -log p.
  step(x, y, first, end, rate, decay = 0) {
    const { nIn, nOut, W, b, scale, inked } = this;
    const gW = new Float64Array(W.length), gb = new Float64Array(nOut);
    for (let i = first; i < end; i++) {
      const difference = softmax(this.scores(x, i)); // guess - truth
      difference[y[i]] -= 1;
      for (let m = 0; m < this.nInked; m++) {
        const j = inked[m], value = x[i * nIn + j];
        for (let k = 0; k < nOut; k++) gW[j * nOut + k] += value * difference[k];
      }
      for (let k = 0; k < nOut; k++) gb[k] += difference[k];
    }
    const factor = rate / (end - first);
    gW.forEach((value, i) => { W[i] -= factor * scale * value + 2 * rate * decay * W[i]; });
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

  // Which of the rows from first to end get another class than their label, counted from first.
  wrong(x, y, first, end) {
    const rows = [];
    for (let i = first; i < end; i++) {
      if (argmax(this.scores(x, i)) !== y[i]) rows.push(i - first);
    }
    return rows;
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

// What the worker does. A message with sets begins a run, and each other message asks for the next
// epoch. Sets are [x, y, first row, end], their pixels bytes; `test` may be missing.
function work() {
  let run = null;

  function errorOf([x, y, first, end]) {
    const { model, size } = run, errors = [];
    for (let i = first; i + size <= end; i += size) errors.push(model.wrong(x, y, i, i + size).length / size);
    return mean(errors);
  }

  function epoch() {
    const { model, stopping, size, rate, train: [x, y, first, end], valid, test } = run;
    const nBatches = Math.floor((end - first) / size), told = { nBatches, epoch: run.epoch += 1 };
    for (let i = 0; i < nBatches && !told.isOver; i++, run.iter++) {
      model.step(x, y, first + i * size, first + (i + 1) * size, rate);
      if (i === nBatches - 1) {
        told.valid = errorOf(valid);
        if (stopping.update(run.iter, told.valid) && test) told.test = run.bestTest = errorOf(test);
      }
      told.isOver = stopping.isOver(run.iter);
    }
    told.isOver = told.isOver || run.epoch === run.nEpochs;
    return { ...told, W: model.W, b: model.b, best: stopping.best, bestTest: run.bestTest };
  }

  onmessage = ({ data }) => {
    if (!data) postMessage(epoch());
    else run = { ...data, model: new Model(784, 10, { scale: 1 / 256 }), stopping: new EarlyStopping(), epoch: 0, iter: 0 };
  };
}

// The page is one file: so the worker's script is made of its functions.
function makeWorker() {
  const script = [softmax, argmax, Model, EarlyStopping, mean, work].join("\n") + "\nwork();";
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
