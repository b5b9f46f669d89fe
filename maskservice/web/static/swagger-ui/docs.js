// Starts Swagger UI on the page of templates/docs.html. A file of its own: the Content-Security-Policy allows no inline script.
"use strict";

(() => {
  const place = document.getElementById("swagger-ui");

  SwaggerUIBundle({
    url: place.dataset.specUrl,
    domNode: place,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: false,
    persistAuthorization: false, // an API key does not go into the browser's storage
    queryConfigEnabled: false, // no ?url= in the address may point this page, and the key in it, at another server
    validatorUrl: null, // works offline: nothing is asked of another host
    tryItOutEnabled: true,
  });
})();
