// Sorts and filters the table of methods, and keeps what was chosen in the address. Without it the table is whole.
(function () {
  "use strict";
  var body = document.getElementById("rows");
  if (!body) return;
  var rows = Array.from(body.rows);
  var heads = Array.from(document.querySelectorAll("#methods thead th[data-key]"));
  var find = document.getElementById("find");
  var most = document.getElementById("most");
  var only = document.getElementById("undecided");
  var count = document.getElementById("count");
  // Words and what is low when it is good begin upwards, scores downwards.
  var upwards = { name: true, rank: true, group: true, cost: true };
  var keys = heads.map(function (head) { return head.dataset.key; });

  function read() {
    var given = new URLSearchParams(location.hash.slice(1));
    var sort = (given.get("sort") || "").split(".");
    var cost = parseFloat(given.get("cost"));
    return {
      key: keys.indexOf(sort[0]) >= 0 ? sort[0] : "",
      down: sort[1] === "down",
      find: given.get("find") || "",
      cost: isFinite(cost) && cost >= 0 ? cost : null,
      tie: given.get("tie") === "best"
    };
  }

  function write(state) {
    var given = new URLSearchParams();
    if (state.key) given.set("sort", state.key + "." + (state.down ? "down" : "up"));
    if (state.find) given.set("find", state.find);
    if (state.cost !== null) given.set("cost", String(state.cost));
    if (state.tie) given.set("tie", "best");
    return given.toString();
  }

  // What is not known comes last, whichever way the rest goes.
  function compare(key, down) {
    return function (one, other) {
      var a = one.dataset[key], b = other.dataset[key];
      if (a === "" || b === "") return (a === "") - (b === "");
      var order = key === "name" ? a.localeCompare(b) : parseFloat(a) - parseFloat(b);
      return down ? -order : order;
    };
  }

  function show(state) {
    var sorted = state.key ? rows.slice().sort(compare(state.key, state.down)) : rows;
    sorted.forEach(function (row) { body.appendChild(row); });
    var sought = state.find.toLowerCase();
    var left = 0;
    rows.forEach(function (row) {
      var cost = parseFloat(row.dataset.cost);
      var hidden = row.dataset.name.toLowerCase().indexOf(sought) < 0
        || (state.cost !== null && !(cost <= state.cost))
        || (state.tie && row.dataset.group !== "1");
      row.hidden = hidden;
      left += hidden ? 0 : 1;
    });
    heads.forEach(function (head) {
      if (head.dataset.key === state.key) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    if (document.activeElement !== find) find.value = state.find;
    if (document.activeElement !== most) most.value = state.cost === null ? "" : state.cost;
    only.checked = state.tie;
    count.textContent = left === rows.length ? "" : left + " of " + rows.length + " methods";
  }

  // A choice is a step of the browser's history; typing is not, or Back would go through every letter.
  function choose(change, typing) {
    var state = Object.assign(read(), change);
    var hash = "#" + write(state);
    if (typing) history.replaceState(null, "", hash);
    else if (hash !== location.hash) history.pushState(null, "", hash);
    show(state);
  }

  heads.forEach(function (head) {
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () {
      var key = head.dataset.key, state = read();
      choose(state.key === key ? { down: !state.down } : { key: key, down: !upwards[key] }, false);
    });
  });
  find.addEventListener("input", function () { choose({ find: find.value }, true); });
  most.addEventListener("input", function () {
    var cost = parseFloat(most.value);
    choose({ cost: isFinite(cost) && cost >= 0 ? cost : null }, true);
  });
  only.addEventListener("change", function () { choose({ tie: only.checked }, false); });
  document.getElementById("clear").addEventListener("click", function () {
    find.value = "";
    most.value = "";
    choose({ key: "", down: false, find: "", cost: null, tie: false }, false);
  });
  function again() { show(read()); }
  window.addEventListener("popstate", again);
  window.addEventListener("hashchange", again);
  document.getElementById("controls").hidden = false;
  again();
})();
