
// Descent in minibatches, and the buttons that a reader steers it with.

// A model that learns from the first nTrain rows, in their order; the last nTested test it. Its
// progress counts in units of `unit` rows, by default in epochs. `history` has a point each time the
// progress passes a multiple of `spacing`, and a last one of the present: so a curve depends on the
// steps alone, and not on how often the page was drawn.
class Trainer {
  constructor(given) { // x, y, nIn, makeModel, nTrain, nTested
    Object.assign(this, { unit: given.nTrain, spacing: 0.5, ...given });
    this.reset();
  }

  reset() {
    this.model = this.makeModel();
    this.rows = new Rows(this.x, this.nIn, this.model.nColumns, this.y);
    Object.assign(this, { before: null, batch: [0, 0], seen: 0, steps: 0, kept: [] });
    this.measure();
    this.kept = this.history;
  }

  get progress() { return this.seen / this.unit; }

  step(size, rate, decay) {
    const next = this.batch[1], place = Math.floor(this.progress / this.spacing);
    this.batch = next + size > this.nTrain ? [0, size] : [next, next + size];
    this.before = { W: this.model.W.slice(), b: this.model.b.slice() };
    this.model.step(this.rows, ...this.batch, rate, decay);
    this.seen += size;
    this.steps += 1;
    if (Math.floor(this.progress / this.spacing) === place) return;
    this.measure();
    this.kept = this.history;
  }

  // Costs and errors of the rows that it learns from, and of those that test it. This takes longer
  // than a step.
  measure() {
    const n = this.y.length, tested = [this.rows, n - this.nTested, n];
    const own = [this.rows, 0, this.nTrain];
    this.wrong = this.model.wrong(...tested);
    this.ownWrong = this.nTrain < 100 ? this.model.wrong(...own) : [];
    [this.cost, this.testCost] = [this.model.cost(...own), this.model.cost(...tested)];
    const share = this.wrong.length / this.nTested;
    const point = [this.progress, this.cost, this.testCost, share];
    const isKept = this.kept.length && this.kept[this.kept.length - 1][0] === this.progress;
    this.history = isKept ? this.kept : [...this.kept, point];
  }
}

// The buttons of a trainer. settings() gives size, rate and decay; show() draws; isAsked() says
// whether that was the experiment that was asked for. A run takes four seconds and `length` units
// of progress; where motion is not wanted, only its end is shown.
function control(find, trainer, settings, show, isAsked, length = EPOCHS) {
  const button = find("[data-do=run]"), name = button.textContent;
  let goal = null, start = null;

  function measured() {
    trainer.measure();
    show();
  }

  function run(now) {
    if (goal === null) return;
    start = start || { now, progress: trainer.progress };
    const gone = (length * (now - start.now)) / 4000;
    const pace = isStill.matches ? goal : start.progress + gone;
    while (trainer.progress < Math.min(pace, goal) && performance.now() - now < 30) {
      trainer.step(...settings());
    }
    if (trainer.progress >= goal) {
      stop();
      if (isAsked()) answer(find);
      return;
    }
    if (!isStill.matches) measured();
    requestAnimationFrame(run);
  }

  function stop() {
    goal = null;
    button.textContent = name;
    button.closest("section").removeAttribute("aria-busy");
    measured();
  }

  function steps(n) {
    if (goal !== null) stop();
    for (let i = 0; i < n; i++) trainer.step(...settings());
    measured();
    if (isAsked()) answer(find);
  }

  const actions = {
    step: () => steps(1),
    epoch: () => {
      const [size] = settings(), { seen, nTrain } = trainer;
      steps(Math.ceil((nTrain - (seen % nTrain)) / size));
    },
    run: () => {
      if (goal !== null) return stop();
      [goal, start] = [length * (Math.floor(trainer.progress / length) + 1), null];
      button.style.minWidth = `${button.getBoundingClientRect().width}px`; // nothing moves
      button.textContent = "Pause";
      button.closest("section").setAttribute("aria-busy", true);
      requestAnimationFrame(run);
    },
    reset: () => { if (goal !== null) stop(); trainer.reset(); show(); },
  };
  buttons(find, Object.fromEntries(Object.entries(actions).filter(([key]) => find(`[data-do=${key}]`))));
  redraws.push(show);
  return { reset: actions.reset };
}
