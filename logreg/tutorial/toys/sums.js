
// A toy: ten sums, and the training digits that they come from.

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
      sum.bar.style.left = barLength(0.5 + Math.min(0, z[i] / end / 2));
      sum.bar.style.width = barLength(Math.abs(z[i]) / end / 2);
      sum.bar.className = i === best ? "best" : "";
      part.number.textContent = percent(p[i], 0);
      part.bar.style.width = barLength(p[i]);
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
