"use strict";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

for (const place of document.querySelectorAll("[data-origin]")) place.textContent = window.location.origin;

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    domNode: document.getElementById("operations"),
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    tagsSorter: (a, b) => order.indexOf(a) - order.indexOf(b),
    persistAuthorization: false, // a key is not kept in the browser
    validatorUrl: null,
  });
});

const order = ["notifications", "batches", "templates", "recipients"];
