(function () {
  "use strict";
  var root = document.documentElement;

  function keep(theme) { try { localStorage.setItem("headrace-theme", theme); } catch (denied) { /* a frame without storage */ } }
  function kept() { try { return localStorage.getItem("headrace-theme"); } catch (denied) { return null; } }
  function isDark() {
    return (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  }
  var toggle = document.getElementById("theme");
  function name() { toggle.textContent = isDark() ? "Light" : "Dark"; }
  if (kept() === "dark" || kept() === "light") { root.dataset.theme = kept(); }
  toggle.addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep(root.dataset.theme);
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();

  // A line is sorted by data-sort: numbers by size, texts by alphabet, and lines without a value last.
  document.querySelectorAll("table.sortable").forEach(function (table) {
    var heads = table.tHead.rows[0].cells, body = table.tBodies[0];
    Array.prototype.forEach.call(heads, function (head, place) {
      var button = head.querySelector("button");
      if (!button) { return; }
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") !== "descending" && head.dataset.numeric === "yes"
          || head.getAttribute("aria-sort") === "ascending";
        Array.prototype.forEach.call(heads, function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        Array.from(body.rows).sort(function (a, b) {
          var x = a.cells[place].dataset.sort, y = b.cells[place].dataset.sort;
          if (x === "" || y === "") { return (x === "") - (y === ""); }
          var order = head.dataset.numeric === "yes" ? Number(x) - Number(y) : x.localeCompare(y);
          return down ? -order : order;
        }).forEach(function (row) { body.appendChild(row); });
      });
    });
  });

  var search = document.getElementById("search");
  if (search) {
    search.addEventListener("input", function () {
      var wanted = search.value.toLowerCase();
      document.querySelectorAll("[data-column]").forEach(function (part) {
        part.hidden = part.dataset.column.toLowerCase().indexOf(wanted) < 0;
      });
    });
  }

  var tip = document.getElementById("tip");
  function point(event) {
    var mark = event.target.closest ? event.target.closest("svg [role='graphics-symbol'][aria-label]") : null;
    if (!mark) { tip.className = ""; return; }
    tip.textContent = mark.getAttribute("aria-label");
    tip.className = "shown";
    var box = tip.getBoundingClientRect();
    tip.style.left = Math.max(6, Math.min(event.clientX + 12, innerWidth - box.width - 6)) + "px";
    tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18) + "px";
  }
  document.addEventListener("pointermove", point);
  document.addEventListener("pointerdown", point);
})();
