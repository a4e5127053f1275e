// Starts Swagger UI on this service's own document. The token that is given at Authorize stays in this tab.
"use strict";

// An example is told beside its field. Swagger UI would fill it in: a list would be asked for with all of its filters at once,
// and a deletion would find whoever has the example's id.
const tellExamples = () => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        parameterWithMetaByIdentity: (original) => (state, ...asked) => {
          const parameter = original(...asked);
          if (!parameter?.has("example")) return parameter;
          const example = "Example: `" + parameter.get("example") + "`";
          const told = [parameter.get("description"), example].filter(Boolean).join(" ");
          return parameter.delete("example").set("description", told);
        },
      },
    },
  },
});

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  displayRequestDuration: true,
  plugins: [tellExamples],
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
