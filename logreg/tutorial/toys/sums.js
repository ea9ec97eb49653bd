
// Toys: a digit that is drawn, and its answer; and the ten sums that it comes from.

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
