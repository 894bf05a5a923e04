// Before the first paint, so that a dark page does not flash white. A file of its own: the policy allows no inline scripts.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("podium.theme");
  } catch (_) {
    // storage is switched off: the system decides
  }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen === "dark" || chosen === "light" ? chosen : dark ? "dark" : "light";
})();
