// Starts Swagger UI with the OpenAPI document of this service. The token entered at Authorize stays
// in this tab.
"use strict";

// Shows each example in the description of its parameter. Otherwise Swagger UI fills examples in:
// it would request a list with all filters at once, and delete the row that has the id of the
// example.
const describeExamples = () => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        parameterWithMetaByIdentity: (original) => (state, ...args) => {
          const parameter = original(...args);
          if (!parameter?.has("example")) return parameter;
          const example = "Example: `" + parameter.get("example") + "`";
          const description = [parameter.get("description"), example].filter(Boolean).join(" ");
          return parameter.delete("example").set("description", description);
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
  plugins: [describeExamples],
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
