
// A toy: a pad whose drawings reach the model unprepared.

// A three, small and in a corner.
const THREE = [[24, 30], [40, 20], [60, 22], [68, 36], [58, 50], [44, 55], [62, 60], [72, 76], [62, 92], [42, 96], [24, 86]];

function playPadRaw(find) {
  const rows = range(10).map((k) => {
    const part = share();
    find(".rows").append(make("div", { class: "row" }, make("b", {}, String(k)), ...part.nodes));
    return part;
  });

  let isReset = true, isUntouched = true; // whether the first three is to be drawn, and lies there

  function show() {
    pad.isCentred = find("[name=pad-raw-prepared]:checked").value === "yes";
    const x = pad.pixels(), p = softmax(full.scores(new Rows(x, 784, 10))), best = argmax(p);
    paint(find(".seen"), 28, 28, (i) => GREYS[x[i]]);
    const isAsked = isUntouched && !pad.isCentred && !find(".predict :checked");
    rows.forEach(({ bar, number }, k) => {
      bar.className = k === best ? "best" : "";
      bar.style.width = barLength(isAsked ? 0 : p[k]);
      number.textContent = isAsked ? "?" : percent(p[k], 0);
    });
    let says = `The model says ${best}.`;
    if (pad.isEmpty()) says = "Draw a digit, anywhere, of any size.";
    if (isAsked) says = "Guess, or prepare the three, to see what the model says.";
    find(".said").textContent = says;
    find(".seen").setAttribute("aria-label", `What the model is given. ${says}`);
  }

  const drawn = () => {
    isUntouched = isReset;
    isReset = false;
    show();
  };
  const pad = makePad(find(".pad"), drawn, { size: [28, 28] });
  find(".predict").addEventListener("change", show);
  find(".prepared").addEventListener("change", (event) => {
    show();
    if (event.isTrusted && pad.isCentred) answer(find);
  });
  const reset = () => {
    find("[name=pad-raw-prepared]").checked = true;
    isReset = true;
    pad.draw([{ width: 12, points: THREE }]);
  };
  buttons(find, { undo: pad.undo, clear: pad.clear, reset });
  reset();
}
