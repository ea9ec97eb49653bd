
// A toy: inputs that are learnt, for points that no straight line divides.

// The model of all chapters on tanh units in place of the inputs. A column of V has a unit's weights.
class Net extends Model {
  constructor(V, nIn, nOut) {
    super(V.length / nIn, nOut);
    Object.assign(this, { V, nColumns: V.length / nIn });
  }

  units(rows, i) { return rows.times(this.V, i).map(Math.tanh); }

  scores(rows, i) {
    const { W, b, nOut } = this, z = [...b];
    this.units(rows, i).forEach((unit, j) => {
      for (let k = 0; k < nOut; k++) z[k] += unit * W[nOut * j + k];
    });
    return z;
  }

  // The slopes of V come from those of the layer above it.
  step(rows, first, end, rate) {
    const { V, W, nOut, nColumns } = this, slopes = new Float64Array(V.length), inputs = [];
    for (let i = first; i < end; i++) {
      const gap = this.gap(rows, i), units = this.units(rows, i);
      inputs.push(...units);
      rows.addTo(slopes, i, units.map((unit, j) => {
        const above = gap.reduce((sum, value, k) => sum + value * W[nOut * j + k], 0);
        return (1 - unit ** 2) * above;
      }));
    }
    const layer = new Model(nColumns, nOut, this); // it changes this W and this b
    layer.step(new Rows(inputs, nColumns, nOut, rows.y.slice(first, end)), 0, end - first, rate);
    slopes.forEach((slope, i) => { V[i] -= (rate / (end - first)) * slope; });
  }
}

function playNet(find) {
  const STEPS = 400;
  const chosen = (name) => find(`[name=net-${name}]:checked`).value;

  function makeModel() {
    const angles = range(Number(chosen("units"))).map((j) => (chosen("start") === "equal" ? 0 : j));
    const V = [...angles.map(Math.cos), ...angles.map(Math.sin), ...angles.map(() => 0)];
    return new Net(Float64Array.from(V), 3, 2);
  }

  const x = POINTS.flatMap((point) => [...point, 1]), y = POINTS.map(([x, y]) => Number(x * y < 0));
  const trainer = new Trainer({ x, y, nIn: 3, makeModel, nTrain: 60, nTested: 60, spacing: STEPS });

  // With the line of each unit, on which it is 0.
  function show() {
    drawField(find, trainer, `Step ${trainer.steps}`);
    const { V, nColumns: n } = trainer.model;
    for (let j = 0; j < n; j++) {
      const [v, w, c] = [V[j], V[n + j], V[2 * n + j]], square = v * v + w * w;
      const ends = [-9, 9].map((t) => positionOf([(t * w - c * v) / square, (-t * v - c * w) / square]));
      draw(find(".field svg"), "path", { class: "unit", d: `M${ends.join("L")}` });
    }
  }

  const isAsked = () => chosen("units") > 1 && chosen("start") === "equal" && trainer.steps >= STEPS;
  const { reset } = control(find, trainer, () => [60, 0.5], show, isAsked, STEPS);
  find(".settings").addEventListener("change", reset);
  show();
  return trainer;
}
