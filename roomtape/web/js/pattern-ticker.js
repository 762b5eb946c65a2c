// A worker that only ticks: timers of pages in the background are slowed down, those of workers are not.

let timer = 0;

onmessage = ({ data: intervalMs }) => {
  clearInterval(timer);
  timer = setInterval(() => postMessage(0), intervalMs);
};
