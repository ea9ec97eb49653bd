
// A toy: the tutorial's log, printed in the reader's tab.

async function playMnistRun(find) {
  const NAMES = Object.values(facts.mnist), HEADERS = { images: 16, labels: 8 }; // bytes
  const canvases = pictures(find(".here"), "weights learnt here"), button = find("[data-do=run]");
  const digits = await reading, files = {}; // the rows of MNIST's files, by their names
  const formatted = (error) => (100 * error).toFixed(6); // as %f has it
  let run = null, isOn = false, isBusy = false;

  function say(text) { find(".said").textContent = text; }

  // On MNIST if its training files are there, else on the digits of the page.
  function begin(reason) {
    const [x, y, testX, testY] = NAMES.map((name) => files[name]), { labels } = facts;
    const whole = { train: [x, y], nTrain: 50000, size: 600, nEpochs: 1000 };
    const own = { train: [digits, labels], nTrain: N_TRAIN, size: 100 };
    const isWhole = Boolean(x && y), log = facts.logs[isWhole ? "mnist" : "own"];
    const given = { nEpochs: log.length, ...(isWhole ? whole : own), rate: 0.13 };
    if (isWhole && testX && testY) given.test = [testX, testY];
    if (run) run.worker.terminate();
    run = { worker: makeWorker(), log, n: 0, nEqual: 0, seconds: 0 };
    run.worker.postMessage(given);
    run.worker.onmessage = received;
    [isOn, isBusy] = [false, false];
    [button.textContent, button.disabled] = ["Train", false];
    find(".log").replaceChildren();
    paintWeights(new Model(784, 10), canvases);
    const rows = isWhole ? `MNIST's 50,000 rows, 600 a step${given.test ? "" : ", without test files"}` : "800 rows of this page, 100 a step";
    say(`${reason}Ready to train on ${rows}.`);
  }

  function ask() {
    [isBusy, run.since] = [true, performance.now()];
    run.worker.postMessage(null);
  }

  function received({ data }) {
    isBusy = false;
    run.seconds += (performance.now() - run.since) / 1000;
    const at = `epoch ${data.epoch}, minibatch ${data.nBatches}/${data.nBatches}`;
    const [valid, test] = run.log[data.epoch - 1] || [];
    if ("valid" in data) compare(`${at}, validation error`, formatted(data.valid), valid);
    if ("test" in data) compare(`     ${at}, test error of best model`, formatted(data.test), test);
    const pace = (data.epoch / run.seconds).toFixed(1);
    say(`${run.nEqual} of ${run.n} errors are those of the program, to the last digit. ${data.epoch} epochs, ${pace} a second.`);
    if (!isStill.matches || data.isOver) paintWeights({ ...data, nOut: 10 }, canvases);
    if (data.isOver) {
      const [best, tested] = [data.best, data.bestTest].map(formatted);
      const score = `Optimization complete with best validation score of ${best} %`;
      print(make("code", {}, score + (data.bestTest !== undefined ? `, with test performance ${tested} %` : "")));
      print(make("code", {}, `The code run for ${data.epoch} epochs, with ${pace} epochs/sec`));
      [isOn, button.textContent, button.disabled] = [false, "Done", true];
      answer(find);
    } else if (isOn) ask();
  }

  function print(...line) {
    find(".log").append(make("div", {}, ...line));
    find(".log").scrollTop = 1e6;
  }

  // A line as the program prints it, beside the error that it has printed.
  function compare(text, error, published) {
    const isEqual = error === published;
    run.n += 1;
    run.nEqual += isEqual;
    const mark = make("b", { class: isEqual ? "equal" : "" }, isEqual ? "✓" : "✗");
    print(make("code", {}, `${text} ${error} %`), make("code", {}, published || "none"), mark);
  }

  // MNIST's files, gzipped or not, under any name.
  async function take(blobs) {
    if (!blobs.length) return; // of a dialog that was left, or dropped text
    if (!crypto.subtle) {
      begin("This browser checks files only in a page of its own disk or of an https address. ");
      return;
    }
    const refused = [];
    button.disabled = true;
    say("The files are unpacked and checked …");
    for (const blob of blobs) {
      const bytes = await unpacked(blob).catch(() => new Uint8Array(0));
      const name = facts.mnist[await sha256(bytes)];
      if (name) files[name] = bytes.subarray(HEADERS[name.split("-")[1]]);
      else refused.push(`${blob.name} is none of MNIST's four files: its bytes are others. `);
    }
    const lacking = NAMES.slice(0, 2).filter((name) => !files[name]);
    begin(refused.join("") + (lacking.length ? `To train on MNIST, ${lacking.join(" and ")} has to be there. ` : ""));
  }

  find("[type=file]").addEventListener("change", ({ target }) => take([...target.files]));
  const toy = find(".toy");
  toy.addEventListener("dragover", (event) => event.preventDefault());
  toy.addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  buttons(find, {
    run: () => {
      isOn = !isOn;
      button.textContent = isOn ? "Stop" : "Go on";
      if (isOn && !isBusy) ask();
    },
    reset: () => begin(""),
  });
  if (facts.files) take(facts.files.map((base64) => new Blob([bytesOf(base64)])));
  else begin("");
}
