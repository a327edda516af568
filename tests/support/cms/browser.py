"""A real Chromium (Debian's, headless) that reaches nothing but this machine."""

import contextlib
import tempfile
import time

from harness import wait_for
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By


class Browser:
    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="crier-chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1400,1100",
                         "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking",
                         "--disable-component-update", "--no-first-run", f"--user-data-dir={self.profile.name}", "--lang=en-US"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(60)

    def open(self, url):
        self.driver.get(url)

    def find(self, selector, seconds=20, text=None):
        """The first element that is shown, and has that text in it."""
        def look():
            with contextlib.suppress(WebDriverException):
                for element in self.driver.find_elements(By.CSS_SELECTOR, selector):
                    if element.is_displayed() and (text is None or text in element.text):
                        return element
            return None
        return wait_for(look, seconds, what=f"{selector} {text or ''} in {self.driver.current_url}")

    def click(self, selector, text=None, seconds=20):
        """Until it has been clicked: something may lie above it for a moment."""
        def attempt():
            try:
                self.find(selector, seconds, text).click()
            except WebDriverException:
                return False
            return True
        wait_for(attempt, seconds, what=f"a click on {selector}")

    def type(self, selector, text):
        self.find(selector).send_keys(text)

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def complaints(self):
        """Errors on the console that come from the plugin."""
        return [line for line in self.driver.get_log("browser") if line["level"] == "SEVERE" and "crier" in line["message"]]

    def picture(self, path):
        """Also of what is below the window's edge."""
        self.driver.save_screenshot(str(path))

    def close(self):
        self.driver.quit()
        for _ in range(20):  # Chromium writes for a moment after its end
            with contextlib.suppress(OSError):
                self.profile.cleanup()
                return
            time.sleep(0.1)
