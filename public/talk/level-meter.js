// @ts-check

/**
 * Shows how loud the microphone is, 0…1, until the signal is aborted.
 * @param {AbortSignal} signal
 * @param {(level: number) => void} onLevel
 * @throws {DOMException} when there is no microphone, or it is not allowed
 */
export async function measureLevel(signal, onLevel) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
  const context = new AudioContext();
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
    void context.close();
    onLevel(0);
  };
  if (signal.aborted) return stop();
  signal.addEventListener("abort", stop, { once: true });
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const draw = () => {
    if (signal.aborted) return;
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    // −50 dB is a quiet room, −10 dB a voice close by.
    onLevel(Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-10) + 50) / 40)));
    requestAnimationFrame(draw);
  };
  draw();
}
