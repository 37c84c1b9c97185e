// What the pages do beyond being read: how old the evidence is today, and the rows of the support
// table filtered, searched and sorted.  Texts are only ever set as text.  The view is kept in the
// fragment of the address, as in #mode=reverse&device=cpu&q=tape&sort=class, since pages opened
// from a file have no query.
"use strict";

(() => {
  // ------------------------------------------------------------------------------------- ages
  const DAY = 24 * 60 * 60 * 1000;

  /** Whole days from a date, "2026-11-28" or longer, to now; NaN if it is none. */
  function daysSince(text) {
    const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
    return Math.floor((Date.now() - day) / DAY);
  }

  function ago(days) {
    if (days === 0) return "today";
    return days === 1 ? "1 day ago" : `${days} days ago`;
  }

  function tellAges() {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const days = daysSince(time.dateTime);
      if (days >= 0) time.after(` (${ago(days)})`);
    }
    const warning = document.getElementById("aged");
    if (!warning) return;
    const { first, last, after } = warning.dataset;
    const [oldest, newest] = [daysSince(first), daysSince(last)];
    if (!(oldest > Number(after))) return;
    const all = newest > Number(after);
    const strong = document.createElement("strong");
    strong.textContent = all ? "This evidence is old." : "Some of this evidence is old.";
    const which = all ? "Even the latest" : "The oldest";
    const days = all ? newest : oldest;
    warning.append(
      strong,
      ` ${which} of it was measured ${days} days ago, and the policy here calls evidence stale` +
        ` after ${after} days. Newer versions may behave otherwise.`,
    );
    warning.hidden = false;
  }

  // ---------------------------------------------------------------------------- support table
  const FIELDS = ["q", "mode", "device", "kind", "class", "package"];

  function startTable(table) {
    const find = (id) => document.getElementById(id);
    const groups = [...table.tBodies].map((body) => ({
      body,
      head: body.rows[0],
      rows: [...body.rows].slice(1),
    }));
    const rows = groups.flatMap((group) => group.rows);
    const texts = new Map(rows.map((row) => [row, searched(row)]));
    const inputs = new Map();
    for (const input of find("controls").querySelectorAll("[data-field]")) {
      inputs.set(input.dataset.field, input);
    }
    const heads = new Map();
    for (const head of table.querySelectorAll("th[data-sort]")) heads.set(head.dataset.sort, head);
    const flat = table.createTBody(); // holds all rows while they are sorted
    flat.hidden = true;

    /** The view: what is in each field, and the sorting, "class" or "-class". */
    let view = {};
    let linked = null; // a row that is shown because a link leads to it

    // -- the address
    function fromAddress() {
      const given = new URLSearchParams(location.hash.slice(1));
      const found = {};
      for (const name of FIELDS) {
        const value = given.get(name) || "";
        const input = inputs.get(name);
        const known = input && (name === "q" || [...input.options].some((o) => o.value === value));
        if (value && known) found[name] = value;
      }
      const sort = given.get("sort") || "";
      if (heads.has(sort.replace(/^-/, ""))) found.sort = sort;
      return found;
    }

    function toAddress() {
      const names = [...FIELDS, "sort"].filter((name) => view[name]);
      const words = new URLSearchParams(names.map((name) => [name, view[name]])).toString();
      if (!words && !location.hash.includes("=")) return; // an anchor may stay
      const address = location.href.split("#")[0] + (words ? `#${words}` : "");
      history.replaceState(null, "", address);
    }

    // -- rows
    function isWanted(row) {
      const { mode, device, kind, package: of, class: held, q } = view;
      const data = row.dataset;
      return (
        (!mode || data.mode === mode) &&
        (!device || data.devices.split(" ").includes(device)) &&
        (!kind || data.kind.split(", ").includes(kind)) &&
        (!of || data.package === of) &&
        (!held || data.class === held) &&
        (!q || q.toLowerCase().split(/\s+/).every((word) => texts.get(row).includes(word)))
      );
    }

    function show() {
      let shown = 0;
      for (const row of rows) {
        const wanted = isWanted(row);
        row.hidden = !wanted && row !== linked;
        row.classList.toggle("linked", !wanted && row === linked);
        if (wanted) shown += 1;
      }
      showColumns();
      arrange();
      const filtered = FIELDS.some((name) => view[name]);
      const more = linked && !isWanted(linked) ? "; one more, since a link leads to it" : "";
      find("count").textContent = filtered
        ? `${shown} of ${rows.length} backends shown${more}`
        : `${rows.length} backends`;
      find("nothing").hidden = shown > 0;
      find("clear").disabled = !filtered;
    }

    function showColumns() {
      const cells = table.querySelectorAll("[data-device]");
      for (const cell of cells) {
        cell.hidden = Boolean(view.device) && cell.dataset.device !== view.device;
      }
      let width = 0;
      for (const head of heads.values()) if (!head.hidden) width += 1;
      for (const head of table.querySelectorAll("th[data-group]")) {
        const of = [...heads.values()].filter((h) => h.dataset.in === head.dataset.group);
        const left = of.filter((h) => !h.hidden).length;
        head.hidden = left === 0;
        if (left) head.colSpan = left;
      }
      for (const group of groups) group.head.cells[0].colSpan = width;
    }

    /** Puts the rows in order: by package, or all of them by a column. */
    function arrange() {
      const column = view.sort ? view.sort.replace(/^-/, "") : "";
      if (column) {
        const order = sorted(rows, column, view.sort.startsWith("-"));
        flat.append(...order);
      } else {
        for (const group of groups) group.body.append(...group.rows);
      }
      flat.hidden = !column;
      table.classList.toggle("flat", Boolean(column));
      for (const group of groups) {
        group.body.hidden = Boolean(column) || group.rows.every((row) => row.hidden);
      }
      for (const [name, head] of heads) {
        if (name === column) head.setAttribute("aria-sort", direction(view.sort, column));
        else head.removeAttribute("aria-sort");
      }
      find("regroup").hidden = !column;
    }

    // -- what the reader does
    function change(changed) {
      view = { ...view, ...changed };
      for (const name of Object.keys(view)) if (!view[name]) delete view[name];
      linked = null;
      show();
      toAddress();
    }

    function clear() {
      for (const input of inputs.values()) input.value = "";
      change(Object.fromEntries(FIELDS.map((name) => [name, ""])));
      inputs.get("q").focus();
    }

    /** The view or the place that the address names. */
    function follow() {
      const anchor = decoded(location.hash.slice(1));
      if (anchor && !anchor.includes("=")) {
        reveal(find(anchor));
        return;
      }
      view = fromAddress();
      linked = null;
      for (const [name, input] of inputs) input.value = view[name] || "";
      show();
    }

    function reveal(target) {
      const row = target && target.closest("tbody tr");
      if (!row || !texts.has(row)) return;
      const cell = target.closest("[data-device]");
      if (!row.hidden && !(cell && cell.hidden)) return;
      if (cell && cell.hidden) {
        delete view.device;
        inputs.get("device").value = "";
      }
      linked = row;
      show();
      target.scrollIntoView({ block: "center" });
    }

    for (const [name, input] of inputs) {
      input.addEventListener("input", () => change({ [name]: input.value.trim() }));
    }
    for (const [name, head] of heads) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => change({ sort: next(view.sort, name) }));
      head.append(button);
    }
    find("clear").addEventListener("click", clear);
    find("clear-too").addEventListener("click", clear);
    find("regroup").addEventListener("click", () => {
      change({ sort: "" });
      heads.values().next().value.querySelector("button").focus();
    });
    addEventListener("hashchange", follow);
    find("controls").hidden = false;
    show();
    follow();
  }

  /** What the search looks through: names, kind, mode, class and marks, but no footnote. */
  function searched(row) {
    const parts = row.querySelectorAll(".title, .sub, th > .aside, .col-mode, .chip, .badge");
    const words = [row.id, row.dataset.package, ...[...parts].map((part) => part.textContent)];
    return words.join(" ").toLowerCase();
  }

  // -- sorting: text from A to Z, classes from the best, shares from the highest; then reversed
  const isText = (column) => column === "backend" || column === "mode";
  const isFalling = (column) => !isText(column) && column !== "class";

  function direction(sort, column) {
    const reversed = sort.startsWith("-");
    return reversed === isFalling(column) ? "ascending" : "descending";
  }

  /** The sorting after a click on a column: its own, reversed, none. */
  function next(sort, column) {
    if (sort === column) return `-${column}`;
    return sort === `-${column}` ? "" : column;
  }

  /** Rows by a column; those without a value are last either way, and equals stay as they were. */
  function sorted(rows, column, reversed) {
    const value = (row) => {
      const cell = row.querySelector(`[data-column="${CSS.escape(column)}"]`);
      if (!isText(column)) return cell.dataset.value === "" ? null : Number(cell.dataset.value);
      const text = column === "mode" ? row.dataset.mode : cell.querySelector(".title").textContent;
      return text.toLowerCase();
    };
    const keyed = rows.map((row) => [value(row), row]);
    const sign = reversed === isFalling(column) ? 1 : -1;
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return a < b ? -sign : a > b ? sign : 0;
    });
    return keyed.map(([, row]) => row);
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text; // a stray percent sign
    }
  }

  tellAges();
  const table = document.querySelector("table.support");
  if (table && document.getElementById("controls")) startTable(table);
})();
