
// Toys: a digit that is drawn, and its answer; the ten sums that it comes from; and the training
// digits that these come from.

// Draws what is on the pad anew, with its ten sums, for the answer that is chosen, if there is a
// choice. A new drawing is looked at for its own answer.
async function playDigit(find, draw) {
  const digits = await reading;
  let taken = facts.labels.indexOf(3, N_TRAIN);
  function show(isNew) {
    const x = pad.pixels(), z = full.scores(new Rows(x, 784, 10)), best = argmax(z);
    const own = find(`[type=radio][value="${best}"]`);
    if (isNew && own) own.checked = true;
    const chosen = own ? Number(find(":checked").value) : best;
    for (const name of find(".toy").querySelectorAll(".of")) name.textContent = chosen;
    draw({ x, z, best, k: chosen, isEmpty: pad.isEmpty() });
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
  find(".toy").addEventListener("change", () => show());
  buttons(find, { undo: pad.undo, clear: pad.clear, another });
  take();
  await new Promise(requestAnimationFrame); // it is shown
}

function playDraw(find) {
  return playDigit(find, ({ best, isEmpty }) => {
    find("output").textContent = isEmpty ? "?" : best;
  });
}

function playSums(find) {
  const rows = range(10).map((k) => {
    const choice = make("input", { type: "radio", name: "sums-digit", value: k });
    const sum = share("signed");
    const row = make("label", { class: "row" }, choice, make("b", {}, String(k)), ...sum.nodes);
    find(".rows").append(row);
    return sum;
  });
  return playDigit(find, ({ x, z, best, k, isEmpty }) => {
    const end = Math.max(6, largest(z));
    rows.forEach(({ bar, number }, i) => {
      number.textContent = signed(z[i], 1);
      number.classList.toggle("best", i === best);
      bar.style.left = barLength(0.5 + Math.min(0, z[i] / end / 2));
      bar.style.width = barLength(Math.abs(z[i]) / end / 2);
      bar.className = z[i] < 0 ? "against" : "for";
    });
    const product = (i) => (x[i] / 256) * full.W[10 * i + k];
    const top = largest(full.W.map((w, i) => (w * x[Math.floor(i / 10)]) / 256));
    paintSigned(find(".product"), 28, 28, product, top);
    const sum = range(784).reduce((total, i) => total + product(i), 0);
    const says = `For the answer ${k}, the products add up to ${signed(sum, 2)}. With one more number for the ` +
      `${k}, ${signed(full.b[k], 2)}, the sum is ${signed(z[k], 2)}.`;
    find(".product").setAttribute("aria-label", `Pixels times weights. ${says}`);
    find(".said").textContent = isEmpty
      ? "An empty page: all pixels are 0. Draw a digit."
      : `${says} The largest of the ten sums is that of ${best}, so the answer is ${best}.`;
  });
}

// The weights are a sum of the training digits, each times its row of A. So is the sum of an
// answer: each digit adds its A, times how much ink it has in common with the drawing.
async function playWitnesses(find) {
  const digits = await reading, A = decode(facts.A, Int8Array);
  find(".choice").append(...range(10).map((k) =>
    make("label", {}, make("input", { type: "radio", name: "witnesses-digit", value: k }), String(k))));
  const witnesses = range(10).map(() => {
    const canvas = make("canvas", { role: "img" }), number = make("span", { class: "number" });
    find(".pictures").append(make("div", { class: "picture" }, canvas, number));
    return { canvas, number };
  });
  return playDigit(find, ({ x, k }) => {
    const inked = range(784).filter((j) => x[j]);
    const shares = facts.labels.map((_, i) => {
      const common = inked.reduce((sum, j) => sum + x[j] * digits[784 * i + j], 0) / 256 ** 2;
      return common * A[10 * i + k] * facts.A_unit;
    });
    const order = range(shares.length).sort((i, j) => shares[j] - shares[i]);
    const chosen = [...order.slice(0, 5), ...order.slice(-5).reverse()];
    witnesses.forEach(({ canvas, number }, place) => {
      const i = chosen[place];
      paint(canvas, 28, 28, (j) => GREYS[255 - digits[784 * i + j]]);
      number.textContent = (shares[i] > 0 ? "+" : "") + signed(shares[i], 2);
      canvas.setAttribute("aria-label", `${facts.labels[i]}, ${number.textContent}`);
    });
  });
}
