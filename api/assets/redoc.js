// Starts Redoc on this service's own document. No search: it would need a worker made of text, which the policy refuses.
"use strict";
{
  const main = document.getElementById("redoc");
  const fontFamily = "system-ui, sans-serif";
  Redoc.init("/openapi.json", {
    disableSearch: true,
    nonce: main.dataset.nonce,
    theme: { typography: { fontFamily, headings: { fontFamily } } },
  }, main);
}
