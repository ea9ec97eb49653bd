
// A thousand digits, their weights, and the model of the full run.

const ofStyle = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim().slice(1);

function paintWeights({ W, nOut }, canvases) {
  const top = largest(W);
  canvases.forEach((canvas, k) => paintSigned(canvas, 28, 28, (i) => W[i * nOut + k], top));
}

const full = new Model(784, 10, { W: decode(facts.W), b: decode(facts.b), scale: 1 / 256 });

// The bytes of the digits, a line of the picture for each.
async function readDigits() {
  const image = new Image();
  image.src = facts.digits;
  await image.decode();
  const canvas = make("canvas", { width: image.width, height: image.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  return Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
}

const reading = readDigits();

// What a trainer takes of them: it learns from the first nTrain.
const ofDigits = (x, nTrain) => ({
  x, y: facts.labels, nIn: 784, makeModel: () => new Model(784, 10, { scale: 1 / 256 }),
  nTrain, nTested: facts.labels.length - N_TRAIN,
});

// A bar with its number: what stands in a row for an answer.
function share(kind = "") {
  const bar = make("i"), number = make("span", { class: "number" });
  return { bar, number, nodes: [make("span", { class: `track ${kind}` }, bar), number] };
}

// Ten empty pictures, a class each.
const pictures = (parent, caption) => range(10).map((k) => {
  const canvas = make("canvas", { role: "img", "aria-label": `${caption}, class ${k}` });
  parent.append(make("div", { class: "picture" }, canvas, String(k)));
  return canvas;
});
