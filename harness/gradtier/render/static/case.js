// What the page of a case does beyond being read: copies commands, and brings the trials that lie
// in the file beside it, filtered and sorted.  Texts are only ever set as text.  The view is kept in
// the fragment of the address, as in #outcome=wrong&device=cpu&sort=margin, since pages opened from
// a file have no query; #trials=all asks for the trials that agree as well.
"use strict";

(() => {
  const BATCH = 500; // rows put into the page at once
  const FILTERS = [
    ["device", "Device"],
    ["mode", "Mode"],
    ["nesting", "Nested in"],
    ["dtype", "Precision"],
    ["outcome", "Outcome"],
  ];
  const SORTS = ["backend", "derivative", "outcome", "margin"];

  /** An element with attributes and children; children that are text stay text. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children.filter((child) => child !== ""));
    return element;
  }

  const aside = (...children) => make("span", { class: "aside" }, ...children);
  const line = (words, value) => (value ? make("span", {}, `${words} ${value}`) : "");

  // -------------------------------------------------------------------------------------- copying
  const status = make("p", { class: "hidden", role: "status" });

  async function copied(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      // no clipboard here, as on some pages opened from a file: the older way
    }
    getSelection().selectAllChildren(code);
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }

  function addCopy(code) {
    const label = make("span", { class: "hidden" }, ` ${code.textContent}`);
    const word = make("span", {}, "Copy");
    const button = make("button", { type: "button", class: "copy-button" }, word, label);
    button.addEventListener("click", async () => {
      const done = await copied(code);
      word.textContent = done ? "Copied" : "Selected";
      status.textContent = "";
      const said = done ? "copied" : "not copied: it is selected, copy it with the keyboard";
      setTimeout(() => (status.textContent = said), 50); // a change, so that it is read again
      setTimeout(() => (word.textContent = "Copy"), 2000);
    });
    code.after(" ", button);
  }

  function addCopies(root) {
    for (const code of root.querySelectorAll("code.copy")) addCopy(code);
  }

  // ----------------------------------------------------------------------------------- the data
  let loading = null;

  /** The trials of the file beside this page: objects with the fields that it names. */
  function load(file) {
    loading ||= new Promise((resolve, reject) => {
      window.gradtier_trials = resolve;
      const script = make("script", { src: file });
      script.addEventListener("error", () => {
        loading = null;
        script.remove();
        reject(new Error("not loaded"));
      });
      document.head.append(script);
    }).then(unpacked);
    return loading;
  }

  function unpacked({ case: name, backends, cells, endings, texts, numbers, words, rows }) {
    return rows.map((row) => {
      const trial = { case: name };
      texts.forEach((field, i) => (trial[field] = words[row[3 + i]]));
      numbers.forEach((field, i) => {
        const value = row[3 + texts.length + i];
        trial[field] = Array.isArray(value) ? words[value[0]] : value;
      });
      [trial.backend, trial.title, trial.mode, trial.page] = backends[row[0]];
      [trial.device, trial.nesting, trial.dtype] = cells[row[1]];
      [trial.state, trial.mark, trial.outcome] = endings[row[2]];
      return trial;
    });
  }

  /** A number with so many digits as the pages write it, 1e-07; a text as it is; else nothing. */
  function written(value, digits) {
    if (typeof value !== "number") return value || "";
    if (value === 0) return Object.is(value, -0) ? "-0" : "0";
    const [head, tail] = value.toExponential(digits - 1).split("e");
    const power = Number(tail);
    if (power >= -4 && power < digits) return String(Number(value.toPrecision(digits)));
    const sign = power < 0 ? "-" : "+";
    return `${Number(head)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
  }

  function withBar(value, bar) {
    const number = written(value, 12);
    return number && bar !== null ? `${number} ± ${written(bar, 2)}` : number;
  }

  function duration(seconds) {
    if (typeof seconds !== "number" || !(seconds > 0)) return "";
    if (seconds >= 1) return `${written(seconds, 3)} s`;
    return seconds >= 1e-3 ? `${written(seconds / 1e-3, 3)} ms` : `${written(seconds / 1e-6, 3)} µs`;
  }

  /** A margin as a number; "inf" is how Python writes the infinite. */
  const asNumber = (found) => (found === "inf" ? Infinity : Number(found ?? NaN));

  const isFirst = (trial) => trial.nesting === "none";

  function derivative(trial) {
    return isFirst(trial) ? `first order, ${trial.mode}` : `${trial.nesting} over ${trial.mode}`;
  }

  /** A word as a shell takes it. */
  function quoted(word) {
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
  }

  function commands(trial) {
    const { backend, device, nesting, dtype } = trial;
    const id = `${trial.case}@${backend}/${device}/${nesting}/${dtype}`;
    const axes = { backend, device, nesting, case: trial.case, dtype };
    const words = Object.entries(axes).map(([axis, word]) => `--${axis} ${quoted(word)}`);
    return { id, run: `gradtier run ${words.join(" ")}`, repro: `gradtier repro ${quoted(id)}` };
  }

  function chip(trial) {
    const mark = make("span", { class: "mark", "aria-hidden": "true" }, trial.mark);
    const word = trial.reason ? `${trial.outcome}, ${trial.reason}` : trial.outcome;
    return make("span", { class: `chip s-${trial.state}` }, mark, ` ${word}`);
  }

  function declared(trial) {
    if (!trial.declared) return "";
    const known = /^https?:\/\//i.test(trial.link);
    const said = known
      ? make("a", { href: trial.link, rel: "noopener noreferrer" }, trial.declared)
      : trial.declared;
    return aside(`Declared${trial.otherwise ? " otherwise" : ""}: `, said);
  }

  function repeat(trial) {
    const { id, run, repro } = commands(trial);
    const parts = [make("code", { class: "copy" }, run)];
    if (trial.state !== "agrees") {
      parts.push(aside("as a script of its own, with NumPy alone beside the library:"));
      parts.push(make("code", { class: "copy" }, repro));
    }
    parts.push(aside("as a pytest item: ", make("code", {}, id)));
    const details = make("details", {}, make("summary", {}, "Repeat it"), ...parts);
    details.addEventListener("toggle", () => addCopies(details), { once: true });
    return details;
  }

  /** The row of a trial, as the page's own rows are. */
  function rowOf(trial) {
    const link = make("a", { href: `../../${trial.page}` }, trial.title);
    const kink = trial.convention
      ? make("span", { class: "chip kink" }, `takes ${trial.convention}`)
      : "";
    const got = written(trial.got, 12);
    const place = got && trial.place ? aside(trial.place) : "";
    const margins = [trial.margin_reference, trial.margin_differences];
    const [beside, apart] = margins.map((margin) => written(margin, 3));
    const call = duration(trial.call);
    const row = make(
      "tr",
      {},
      make("th", { scope: "row" }, link),
      make("td", {}, derivative(trial), aside(`${trial.dtype}, ${trial.device}`)),
      make("td", { class: "words" }, chip(trial), " ", kink, aside(trial.detail), declared(trial),
        repeat(trial)),
      make("td", { class: "numbers" }, place, line("got", got),
        line("reference", withBar(trial.reference, trial.allowed)),
        line("finite differences", withBar(trial.slope, trial.bar))),
      make("td", { class: "numbers" }, line("reference", beside), line("finite differences", apart),
        beside && trial.reference_row ? aside(`reference: ${trial.reference_row}`) : ""),
      make("td", { class: "with" }, trial.versions,
        aside(`${call ? `${call} a call, ` : ""}${duration(trial.seconds)}`)),
    );
    for (const [name] of FILTERS) row.dataset[name] = trial[name];
    const largest = Math.max(...margins.map(asNumber).map((m) => (isNaN(m) ? -1 : m)));
    if (largest >= 0) row.cells[4].dataset.value = largest;
    return row;
  }

  // ----------------------------------------------------------------------------------- the tables
  const tables = new Map(); // part -> { body, rows: every row, in the page or not }
  let view = {};

  function isWanted(row) {
    const words = (view.q || "").toLowerCase();
    return (
      FILTERS.every(([name]) => !view[name] || row.dataset[name] === view[name]) &&
      (!words || row.cells[0].textContent.toLowerCase().includes(words))
    );
  }

  const KEYS = {
    backend: (row) => row.cells[0].textContent.toLowerCase(),
    derivative: (row) => row.cells[1].textContent,
    outcome: (row) => row.dataset.outcome,
    margin: (row) => asNumber(row.cells[4].dataset.value),
  };

  /** The rows that the view wants, in its order; what has no number is last either way. */
  function arranged(rows) {
    const wanted = rows.filter(isWanted);
    const column = (view.sort || "").replace(/^-/, "");
    if (!column) return wanted;
    const sign = view.sort.startsWith("-") ? -1 : 1;
    const keyed = wanted.map((row) => [KEYS[column](row), row]);
    keyed.sort(([a], [b]) => {
      if (a !== a || b !== b) return (a !== a) - (b !== b);
      return a < b ? -sign : a > b ? sign : 0;
    });
    return keyed.map(([, row]) => row);
  }

  function show() {
    let shown = 0;
    let all = 0;
    for (const part of tables.values()) {
      const found = arranged(part.rows);
      part.body.replaceChildren(...found.slice(0, part.most));
      const left = found.length - part.most;
      part.more.hidden = left <= 0;
      part.more.textContent = `Show ${Math.min(left, BATCH)} more of ${left}`;
      shown += found.length;
      all += part.rows.length;
      for (const head of part.body.parentElement.tHead.querySelectorAll("[data-sort]")) {
        const column = head.dataset.sort;
        if (view.sort === column) head.setAttribute("aria-sort", "ascending");
        else if (view.sort === `-${column}`) head.setAttribute("aria-sort", "descending");
        else head.removeAttribute("aria-sort");
      }
    }
    const count = document.getElementById("count");
    if (count) count.textContent = `${shown} of the ${all} trials listed`;
  }

  function toAddress() {
    const words = new URLSearchParams(view).toString();
    if (!words && !location.hash.includes("=")) return; // an anchor may stay
    history.replaceState(null, "", location.href.split("#")[0] + (words ? `#${words}` : ""));
  }

  function change(changed) {
    view = { ...view, ...changed };
    for (const name of Object.keys(view)) if (!view[name]) delete view[name];
    show();
    toAddress();
  }

  function next(column) {
    if (view.sort === column) return `-${column}`;
    return view.sort === `-${column}` ? "" : column;
  }

  function take(table) {
    const body = table.tBodies[0];
    const more = make("button", { type: "button", class: "more" });
    const part = { body, rows: [...body.rows], most: BATCH, more };
    more.addEventListener("click", () => {
      part.most += BATCH;
      show();
    });
    table.closest(".region").after(more);
    for (const head of table.tHead.querySelectorAll("[data-sort]")) {
      const button = make("button", { type: "button" }, ...head.childNodes);
      button.addEventListener("click", () => change({ sort: next(head.dataset.sort) }));
      head.append(button);
    }
    tables.set(table.dataset.part, part);
    return part;
  }

  const HEADS = [
    ["Backend", "backend"], ["Derivative", "derivative"], ["Outcome", "outcome"],
    ["Worst element", ""], ["Margin", "margin"], ["Measured with", ""],
  ];

  function newTable(place, part) {
    const words = part === "agree" ? "that agree" : "that do not agree";
    const heads = HEADS.map(([word, sort]) =>
      make("th", sort ? { scope: "col", "data-sort": sort } : { scope: "col" }, word));
    const table = make(
      "table",
      { class: "pinned trials", "data-part": part },
      make("caption", { class: "hidden" }, `Trials ${words}, with their numbers`),
      make("thead", {}, make("tr", {}, ...heads)),
      make("tbody"),
    );
    const given = {
      class: "region", role: "region", tabindex: "0", "aria-label": `Table of trials ${words}`,
    };
    place.after(make("div", given, table));
    return table;
  }

  // -------------------------------------------------------------------------------- on demand
  /** Puts the trials of one part into their table; true once they are there. */
  async function bring(place) {
    const { part, file } = place.dataset;
    const button = place.querySelector("button");
    button.disabled = true;
    try {
      const trials = await load(file);
      const mine = trials.filter((trial) => (trial.state === "agrees") === (part === "agree"));
      const held = tables.get(part) || take(newTable(place, part));
      held.rows.push(...mine.map(rowOf));
      button.remove();
      offer();
      show();
      return true;
    } catch {
      loading = null; // the next click tries again
      button.disabled = false;
      status.textContent = "the data of this page could not be loaded";
      button.textContent = "Could not be loaded; try again";
      return false;
    }
  }

  function startLoader(place) {
    const { part, count } = place.dataset;
    const one = count === "1";
    const word = one ? "trial" : "trials";
    let which = one ? "that agrees" : "that agree";
    if (part !== "agree") which = one ? "that does not agree" : "that do not agree";
    const said = `Show the ${part === "agree" ? "" : "other "}${count} ${word} ${which}`;
    const button = make("button", { type: "button" }, said);
    button.addEventListener("click", async () => {
      const region = (await bring(place)) && place.closest("section").querySelector(".region");
      if (!region) return;
      region.focus({ preventScroll: true });
      if (part === "agree") {
        view.trials = "all";
        toAddress();
      }
    });
    place.prepend(button, " ");
  }

  // -------------------------------------------------------------------------------------- filters
  /** The choices of each filter: what the rows that are there say. */
  function offer() {
    const rows = [...tables.values()].flatMap((part) => part.rows);
    for (const select of document.querySelectorAll("#filters select")) {
      const name = select.dataset.field;
      const found = [...new Set(rows.map((row) => row.dataset[name]))].sort();
      const options = found.map((value) => {
        const word = name === "nesting" && value === "none" ? "nothing" : value;
        return make("option", { value }, word);
      });
      select.replaceChildren(make("option", { value: "" }, "all"), ...options);
      select.value = found.includes(view[name]) ? view[name] : "";
      select.parentElement.hidden = found.length < 2 && !view[name];
    }
  }

  function startFilters(place) {
    const search = make("input", { type: "search", "data-field": "q", autocomplete: "off" });
    search.addEventListener("input", () => change({ q: search.value.trim() }));
    const fields = FILTERS.map(([name, word]) => {
      const select = make("select", { "data-field": name });
      select.addEventListener("change", () => change({ [name]: select.value }));
      return make("label", {}, make("span", {}, word), select);
    });
    const count = make("p", { id: "count", role: "status", class: "count" });
    const group = make("div", { role: "group", "aria-label": "Trials to show", class: "controls" },
      make("label", { class: "search" }, make("span", {}, "Backend"), search), ...fields, count);
    place.append(group);
  }

  function fromAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    const found = {};
    for (const name of ["q", "trials", ...FILTERS.map(([field]) => field)]) {
      if (given.get(name)) found[name] = given.get(name);
    }
    const sort = given.get("sort") || "";
    if (SORTS.includes(sort.replace(/^-/, ""))) found.sort = sort;
    return found;
  }

  async function follow() {
    const isView = location.hash.includes("=");
    if (!isView && location.hash) return; // a place in the page
    view = fromAddress();
    const search = document.querySelector("#filters input");
    if (search) search.value = view.q || "";
    const agree = document.querySelector('.loader[data-part="agree"]');
    if (view.trials === "all" && agree && agree.querySelector("button")) await bring(agree);
    offer();
    show();
  }

  document.body.append(status);
  addCopies(document);
  const filters = document.getElementById("filters");
  const table = document.querySelector("table[data-part]");
  if (table) take(table);
  if (filters && (table || document.querySelector(".loader"))) startFilters(filters);
  document.querySelectorAll(".loader").forEach(startLoader);
  addEventListener("hashchange", follow);
  offer();
  show();
  follow();
})();
