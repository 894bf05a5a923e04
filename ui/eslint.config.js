import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// Who may import whom: model <- widgets <- views, api <- views; the app puts the views together.
const law = (files, forbidden, why) => ({
  files,
  rules: {
    "no-restricted-imports": ["error", { patterns: forbidden.map((group) => ({ group: [group], message: why })) }],
  },
});

export default tseslint.config(
  { ignores: ["dist", "src/api/schema.gen.ts", "public"] },
  ...tseslint.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": reactHooks, "jsx-a11y": jsxA11y },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      ...jsxA11y.flatConfigs.recommended.rules,
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "Text of runs is never markup: render it as text.",
        },
      ],
    },
  },
  law(
    ["src/model/**"],
    ["react", "react-dom", "@tanstack/*", "**/widgets/**", "**/views/**", "**/api/**", "**/app/**"],
    "The model is pure: no React, no fetch, no other room.",
  ),
  law(["src/widgets/**"], ["**/views/**", "**/api/**"], "Widgets take data, they never fetch."),
  law(["src/api/**"], ["**/views/**", "**/widgets/**"], "The api room knows nothing of what is shown."),
);
