/* What Streamlit has no piece for: printing the page, and the tour on the first visit. Loaded once;
   asks nothing of the server, and keeps one mark in the browser: that the tour was seen. */
(function () {
  "use strict";
  if (window.shequPage) return;
  window.shequPage = true;

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-sq]");
    var what = button && button.getAttribute("data-sq");
    if (what === "print") window.print();
    if (what === "tour-next") goOn(button.closest("[data-sq-tour]"));
    if (what === "tour-end") end(button.closest("[data-sq-tour]"));
  });

  var SEEN = "shequ-tour-seen";

  function isSeen() {
    try { return localStorage.getItem(SEEN) === "1"; } catch (error) { return false; }
  }

  function end(tour) {
    tour.hidden = true;
    try { localStorage.setItem(SEEN, "1"); } catch (error) { /* seen again next time */ }
  }

  function goOn(tour) {
    var steps = [].slice.call(tour.querySelectorAll("li"));
    var at = steps.findIndex(function (step) { return !step.hidden; });
    if (at + 1 >= steps.length) return end(tour);
    steps[at].hidden = true;
    steps[at + 1].hidden = false;
    if (at + 2 === steps.length) tour.querySelector("[data-sq=tour-next]").hidden = true;
  }

  function meet() {
    var tour = document.querySelector("[data-sq-tour]:not([data-met])");
    if (!tour) return;
    tour.setAttribute("data-met", "");
    tour.hidden = isSeen();
  }

  /* The page is drawn piece by piece, and drawn anew; some of it may be there already. */
  new MutationObserver(meet).observe(document.body, { childList: true, subtree: true });
  meet();
})();
