/* What Streamlit has no piece for: printing the page, the tour on the first visit, and saying that the
   server is out of reach. Loaded once; asks nothing of the server, and keeps one mark in the browser: that the tour was seen. */
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

  /* ---- when the server is out of reach ------------------------------------------------ */

  var PATIENCE_MS = 1500, waiting = 0;

  function isConnected() {
    var app = document.querySelector("[data-test-connection-state]");
    return !app || app.getAttribute("data-test-connection-state") === "CONNECTED";
  }

  /* Streamlit's own words for it speak of terminals; they are covered by ours. */
  function tellLost() {
    waiting = 0;
    var isLost = wasConnected && (!isConnected() || !isReached);
    document.body.toggleAttribute("data-sq-away", isLost);
    [].forEach.call(document.querySelectorAll("[data-sq-lost]"), function (told) {
      told.hidden = !isLost;
    });
  }

  var wasConnected = false;

  function watchConnection() {
    if (isConnected()) wasConnected = true;
    if (waiting) clearTimeout(waiting);
    waiting = setTimeout(tellLost, isConnected() ? 0 : PATIENCE_MS);
  }

  /* A socket may take minutes to notice that the network is gone, so the server is asked; one on the
     same machine answers all the same. */
  var PROBE_MS = 2000, isReached = true, probing = 0;

  function probe() {
    clearTimeout(probing);
    fetch("/healthz", { cache: "no-store" })
      .then(function (answer) { isReached = answer.ok; })
      .catch(function () { isReached = false; })
      .then(function () {
        tellLost();
        if (!isReached) probing = setTimeout(probe, PROBE_MS);
      });
  }

  window.addEventListener("offline", probe);
  window.addEventListener("online", probe);

  new MutationObserver(watchConnection).observe(document.body, {
    attributes: true, subtree: true, attributeFilter: ["data-test-connection-state"],
  });
  watchConnection();

  /* The page is drawn piece by piece, and drawn anew; some of it may be there already. */
  new MutationObserver(meet).observe(document.body, { childList: true, subtree: true });
  meet();
})();
