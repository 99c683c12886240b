"""What a ticket is and what the regulation says of it; knows neither the broker nor the screen."""
