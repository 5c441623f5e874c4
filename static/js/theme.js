// A classic script in the head, so that the page never flashes in the other theme.
(function () {
  "use strict";
  var key = "fringe-theme";
  var root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem(key) === "light" ? "light" : "dark";
    } catch (error) {
      return "dark";
    }
  }

  function apply(theme) {
    root.setAttribute("data-bs-theme", theme);
    document.querySelectorAll("[data-theme-switch]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(theme === "light"));
    });
  }

  apply(stored());
  document.addEventListener("DOMContentLoaded", function () {
    apply(stored());
  });
  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-theme-switch]")) return;
    var theme = root.getAttribute("data-bs-theme") === "light" ? "dark" : "light";
    try {
      localStorage.setItem(key, theme);
    } catch (error) {
      // A browser that keeps nothing still switches this page.
    }
    apply(theme);
    document.dispatchEvent(new CustomEvent("fringe:theme", { detail: theme }));
  });
  window.addEventListener("storage", function (event) {
    if (event.key !== key) return;
    apply(stored());
    document.dispatchEvent(new CustomEvent("fringe:theme", { detail: stored() }));
  });
})();
