// Browsers start no worker for pages that are opened as files (file://). The search of this site is a
// worker; here it runs in a hidden frame instead, with the same messages. Elsewhere nothing changes.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = (data) => {
        this.dispatchEvent(new MessageEvent("message", { data }))
        this.onmessage?.({ data })
      }
      const script = this.frame.contentDocument.createElement("script")
      this.ready = new Promise((resolve, reject) => {
        script.onload = resolve
        script.onerror = reject
      })
      script.src = address
      this.frame.contentDocument.head.append(script)
    }
    postMessage(data) {
      this.ready.then(() => {
        const inside = this.frame.contentWindow
        inside.dispatchEvent(new inside.MessageEvent("message", { data }))
      })
    }
    terminate() {
      this.frame.remove()
    }
  }
}
