// Starts Redoc with the OpenAPI document of this service. Search is off: its worker is built from
// text, which the Content-Security-Policy forbids.
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
