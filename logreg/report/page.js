
// The live part of the page, after model.js and pad.js. The model comes as JSON in <script id="model">; nothing is sent.
(() => {
  const facts = JSON.parse(document.getElementById("model").textContent);
  if (!facts) return;
  const get = (id) => document.getElementById(id);

  // ---- The model: softmax(x W + b) ----

  const Kind = facts.dtype === "float64" ? Float64Array : Float32Array;
  const [W, b] = [decode(facts.W, Kind), decode(facts.b, Kind)];
  const nOut = b.length;

  // The features that the model takes of a row as the user knows it.
  function ready(row) {
    const { factor, shifts, scales } = facts;
    return Float64Array.from(row, (value, i) =>
      scales ? (factor * value - shifts[i]) / scales[i] : factor * value);
  }

  function probabilities(x) {
    const z = Float64Array.from(b);
    x.forEach((value, i) => {
      for (let k = 0; k < nOut; k++) z[k] += value * W[i * nOut + k];
    });
    return softmax(z);
  }

  // ---- What is shown: the class, the probabilities as bars, the evidence ----

  let pinned = null; // the class whose evidence is shown, if it is not the most probable one
  let shown = null; // the features that are shown

  const bars = facts.labels.map((label, k) => {
    const bar = document.createElement("button");
    bar.type = "button";
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

  // Without features, nothing is drawn yet, and a drawing is asked for.
  function show(x) {
    shown = x;
    get("answer").hidden = !x;
    get("ask").hidden = Boolean(x);
    if (!x) return;
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
    showEvidence(x, pinned === null ? order[0] : pinned);
  }

  // What each feature adds to the score of a class, beside what it adds to the mean of all scores.
  function showEvidence(x, k) {
    const evidence = x.map((value, i) => {
      const weights = W.subarray(i * nOut, (i + 1) * nOut);
      return value * (weights[k] - weights.reduce((sum, w) => sum + w, 0) / nOut);
    });
    for (const name of document.querySelectorAll(".evidence-class")) {
      name.textContent = facts.labels[k];
    }
    if (facts.shape) paintEvidence(evidence, k);
    else showShares(evidence);
  }

  function paintEvidence(evidence, k) {
    const [height, width] = facts.shape;
    paintSigned(get("evidence"), width, height, (i) => evidence[i], largest(evidence));
    get("evidence").setAttribute("aria-label", `evidence for ${facts.labels[k]}`);
  }

  // A bar for each column, from the middle to the right for what speaks for the class.
  function showShares(evidence) {
    const shares = fields.map(({ first, n }) =>
      evidence.subarray(first, first + n).reduce((sum, value) => sum + value, 0));
    const most = largest(shares);
    fields.forEach(({ share }, i) => {
      const isAgainst = shares[i] < 0, bar = share.querySelector("i");
      bar.className = isAgainst ? "against" : "for";
      bar.style.width = `${(50 * Math.abs(shares[i])) / most}%`;
      share.querySelector("b").textContent =
        `${isAgainst ? "−" : "+"}${Math.abs(shares[i]).toFixed(2)}`;
    });
  }

  // ---- A table: a field for each column, a number, a date, a time or a choice of texts ----

  const DAY = 24 * 60 * 60 * 1000; // milliseconds: a model counts days since 1970
  const PART = { date: [0, 10], time: [11, 16], "datetime-local": [0, 16] }; // of 1970-01-31T00:00

  const fields = facts.shape ? [] : makeFields();

  function makeFields() {
    let first = 0; // the column's first feature
    return facts.columns.map((name, i) => {
      const texts = facts.categories[i];
      const means = facts.means.slice(first, first + (texts ? texts.length : 1));
      const field = document.createElement(texts ? "select" : "input");
      if (texts) {
        const chosen = means.indexOf(Math.max(...means));
        texts.forEach((text, k) => field.add(new Option(text, text, k === chosen, k === chosen)));
      } else {
        field.type = facts.dates[i] || "number";
        field.step = "any";
        field.defaultValue = facts.dates[i]
          ? new Date(means[0] * DAY).toISOString().slice(...PART[field.type])
          : Number(means[0].toPrecision(6));
      }
      const label = document.createElement("label");
      label.appendChild(document.createElement("span")).textContent = name;
      label.appendChild(field);
      const share = label.appendChild(document.createElement("span"));
      share.className = "share";
      share.appendChild(document.createElement("i"));
      share.appendChild(document.createElement("b"));
      get("fields").insertBefore(label, get("fields").lastElementChild);
      first += means.length;
      return { field, share, first: first - means.length, n: means.length };
    });
  }

  function readFields() {
    const row = Float64Array.from(facts.means);
    for (const { field, first, n } of fields) {
      if (field.tagName === "SELECT") {
        for (let k = 0; k < n; k++) row[first + k] = Number(k === field.selectedIndex);
      } else if (field.value !== field.defaultValue && Number.isFinite(field.valueAsNumber)) {
        // One that is as it was, or empty, stays at the mean, of which it shows some digits.
        row[first] = field.valueAsNumber / (field.type === "number" ? 1 : DAY);
      }
    }
    show(ready(row));
  }

  if (!facts.shape) {
    get("fields").addEventListener("input", readFields);
    get("reset").addEventListener("click", () => {
      for (const { field } of fields) {
        if (field.tagName === "INPUT") field.value = field.defaultValue;
        else field.selectedIndex = [...field.options].findIndex((option) => option.defaultSelected);
      }
      readFields();
    });
    readFields();
    return;
  }

  // ---- Images: the pad ----

  const pad = makePad(get("pad"), showPad, {
    size: facts.shape,
    isLight: facts.background === "light",
    isCentred: facts.isCentred,
    keys: { i: "invert" },
  });

  function showPad() {
    const pixels = pad.pixels(), [height, width] = facts.shape;
    paint(get("seen"), width, height, (i) => GREYS[pixels[i]]);
    get("width").textContent = pad.penWidth;
    get("invert").setAttribute("aria-pressed", pad.isInverted);
    const [black, white] = facts.range;
    const row = Float64Array.from(pixels, (value) => black + (value * (white - black)) / 255);
    show(pad.isEmpty() ? null : ready(row));
  }

  for (const name of ["undo", "clear", "thinner", "thicker", "invert"]) {
    get(name).addEventListener("click", () => pad[name]());
  }
  for (const button of document.querySelectorAll(".to-pad")) {
    button.addEventListener("click", () => {
      pad.load(button.querySelector("img"));
      get("draw").scrollIntoView();
    });
  }
})();
