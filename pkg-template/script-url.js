// A plain script knows its address only while it runs for the first time.
export const scriptUrl = document.currentScript?.src ?? document.baseURI;
