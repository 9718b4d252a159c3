// Runs only where modules do not (nomodule), so it is written in the oldest JavaScript.
(function () {
  var text = document.getElementById('unsupported');
  if (text) text.hidden = false;
})();
