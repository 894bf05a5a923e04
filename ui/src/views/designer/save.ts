/** Gives a text to the browser as a file to be saved. */
export function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  // a name from a document may hold anything
  link.download = name.replaceAll(/[^\w.\- ]+/g, "_");
  link.click();
  // the browser takes the file in its own time
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
