/* What Streamlit has no piece for: printing the page. Loaded once; asks nothing of the server. */
(function () {
  "use strict";
  if (window.shequPage) return;
  window.shequPage = true;

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-sq]");
    if (button && button.getAttribute("data-sq") === "print") window.print();
  });
})();
