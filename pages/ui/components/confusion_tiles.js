// Four counts as buttons; a click gives the cell's name to Python.
function child(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cells");
  const made = data.cells.map((cell) => {
    const button = child("button", `cell ${cell.wrong ? "wrong" : "right"}`);
    button.type = "button";
    button.dataset.cell = cell.name;
    if (cell.name === data.chosen) button.classList.add("chosen");
    const share = cell.of ? ` of ${cell.of.toLocaleString("en")}` : "";
    const count = child("span", "count", cell.count.toLocaleString("en"));
    count.append(child("small", "of", share));
    const words = child("span", "words");
    words.append(child("span", cell.kind, `${cell.sign} `), cell.words);
    button.append(count, words);
    const three = `${cell.referred.toLocaleString("en")} of them referred on Diagnose`;
    if (cell.referred) button.append(child("span", "three", `◆ ${three}`));
    button.append(child("span", "open", cell.count ? "see the films" : "none"));
    button.disabled = !cell.count;
    button.onclick = () => setTriggerValue("opened", cell.name);
    return button;
  });
  // The focus stays where it was: a keyboard may go on.
  const active = root.getRootNode().activeElement?.dataset?.cell;
  root.replaceChildren(...made);
  if (active) made.find((one) => one.dataset.cell === active)?.focus();
}
