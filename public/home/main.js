// @ts-check

// The address as this browser reaches the server; behind a proxy the server does not know it.
const address = document.getElementById("address");
if (address) address.textContent = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`;
